"""Names of the files of a run, and of an experiments folder."""

from __future__ import annotations

METADATA = "metadata.json"
HISTORY = "history.jsonl"
HEARTBEAT = "heartbeat"
OUTPUT = "output.log"
TAGS = "tags.txt"
LABEL_NOISE = "label_noise.json"
CHECKPOINTS = "checkpoints"
BEST_CHECKPOINT = "checkpoints/best_model.ckpt"
LAST_CHECKPOINT = "checkpoints/last.ckpt"
NOTES = "NOTES.md"

TIMESTAMP_FORMAT = "%Y%m%d_%H%M%S"
