"""What `show` says of a run's files: the largest first, folders with what is below them."""

from __future__ import annotations

import os
from pathlib import Path

from decaylab.runlog.store import read_run
from decaylab.runlog.tables import show


def files_of(path: Path) -> list[str]:
    lines = show.lines(read_run(str(path)))
    return lines[next(i for i, line in enumerate(lines) if line.startswith("files:")) :]


def test_files_and_folders_by_size(write_run, tmp_path: Path) -> None:
    path = write_run("m_20260301_120000")
    metadata = (path / "metadata.json").stat().st_size
    (path / "predictions.npy").write_bytes(b"x" * 1_000_000)
    (path / "tensorboard_logs" / "deep").mkdir(parents=True)
    (path / "tensorboard_logs" / "deep" / "events").write_bytes(b"x" * 500_000)
    (path / "checkpoints").mkdir()
    for name in ("best_model.ckpt", "last.ckpt"):
        (path / "checkpoints" / name).write_bytes(b"x" * 1_500_000)
    (tmp_path / "large").write_bytes(b"x" * 9_000_000)
    (path / "link").symlink_to(tmp_path / "large")
    (path / "checkpoints" / "link").symlink_to(tmp_path / "large")
    os.mkfifo(path / "pipe\x1b")
    assert files_of(path) == [
        f"files: {4_500_000 + metadata:,} bytes",
        "  3,000,000  checkpoints/  2 files",
        "  1,000,000  predictions.npy",
        "    500,000  tensorboard_logs/  1 file",
        f"  {metadata:>9,}  metadata.json",
        "          -  link  a link",
        r"          -  pipe\x1b  no file",
    ]


def test_many_files_are_counted(write_run) -> None:
    path = write_run("m_20260301_120000")
    for number in range(60):
        (path / f"part{number:02d}").write_bytes(b"x" * (10_000 + number))
    shown = files_of(path)
    assert len(shown) == 42
    assert shown[1] == "  10,059  part59"
    assert shown[-1].startswith("  and 21 more, ")
