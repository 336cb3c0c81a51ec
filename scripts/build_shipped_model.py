"""Build the model that ships with the package, and write its card from what is measured of it: `make shipped-model`.

    python scripts/build_shipped_model.py [--dir shipped-build] [--count 1800] [--rooms roomFeaturesDataset.csv]

Draws rooms from a bathroom to a small hall (`decaylab simulate --wide`), simulates them, trains `compact` on 70 % of
them, and puts checkpoint, ONNX file, the run's metadata, figures and MODEL_CARD.md into the package. The figures are
those of the held-out 15 % (another 15 % are for validation) and, where `--rooms` gives the published table, of the
published rooms, which no training saw. What lies in DIR is used again: data sets go on where they stopped. About twenty
minutes on two cores, forty with the published rooms.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shipped_card import card
from shipped_figures import measured

from decaylab import load_model
from decaylab.cli.progress import SimulationProgress
from decaylab.inference.export import export_onnx
from decaylab.inference.load import SHIPPED
from decaylab.rooms import (
    RoomTable,
    SimulationSettings,
    choose_rooms,
    draw_wide_rooms,
    open_data,
    read_rooms_csv,
    simulate_rooms,
)
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.draw_wide import WIDE_VERSION

#: The files may take so much of everybody's disk; the ONNX file is left out if it would take more.
MOST_BYTES = 5_000_000
#: Of metadata.json: what tells of the machine, not of the model; and what of its environment tells of the model.
PRIVATE = ("process", "working_directory", "git", "command", "notes", "output")
ENVIRONMENT = ("python", "packages", "device", "torch_threads", "code")


def main() -> int:
    """Parse the options, build, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", default="shipped-build", metavar="DIR", help="data sets and runs (2 GB)")
    parser.add_argument("--count", type=int, default=1800, metavar="N", help="rooms to draw (default: 1800)")
    parser.add_argument("--rays", type=int, default=16_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--max-epochs", type=int, metavar="N", help="instead of the model's own number")
    parser.add_argument("--rooms", metavar="FILE.csv", help="the published table, for the errors outside the training")
    parser.add_argument("--published", metavar="DIR", help="its data set (default: DIR/published, made if need be)")
    parser.add_argument("--limit", type=int, metavar="N", help="only so many published rooms")
    parser.add_argument("--out", default=str(SHIPPED), metavar="DIR", help="where the files go (the package)")
    args = parser.parse_args()
    folder, out = Path(args.dir), Path(args.out)
    settings = SimulationSettings(rays=args.rays)
    wide = simulated(folder / "wide", draw_wide_rooms(args.count, 0), 0, settings, args.jobs)
    run = trained(folder, args.max_epochs)
    ship(run, out)
    figures = {"inside": inside(folder, wide, test_rows(run), out, settings, args.jobs)}
    if (published := published_rooms(args, folder, settings)) is not None:
        rows = np.arange(len(published))[: args.limit]
        say(f"measuring on {len(rows):,} published rooms")
        figures["published"] = measured(published, rows, load_model(out / "compact.ckpt"))
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    metadata = json.loads((out / "metadata.json").read_text(encoding="utf-8"))
    (out / "MODEL_CARD.md").write_text(
        card(metadata, figures, load_model(out / "compact.ckpt").about), encoding="utf-8"
    )
    sizes = {file.name: file.stat().st_size for file in sorted(out.iterdir())}
    say(f"{sum(sizes.values()) / 1e6:.2f} MB in {out}: {', '.join(f'{n} {s / 1e3:.0f} kB' for n, s in sizes.items())}")
    print(out / "MODEL_CARD.md")
    return 0


def simulated(folder: Path, table: RoomTable, seed: int, settings: SimulationSettings, jobs: int) -> DataSet:
    """A data set of these rooms: made, gone on with, or found."""
    with SimulationProgress(sys.stderr) as progress:
        kind = f"drawn wide, version {WIDE_VERSION}" if table.ids[0].startswith("wide_") else "table"
        simulate_rooms(folder, table, seed=seed, settings=settings, jobs=jobs, source={"kind": kind}, progress=progress)
    return open_data(folder)


def trained(folder: Path, epochs: int | None) -> Path:
    """The run's directory. Trained from within DIR, so that the record holds no path of this machine."""
    command = [sys.executable, "-m", "decaylab.cli.main", "train", "--data", "wide", "--experiments", "experiments"]
    command += ["--model", "compact", "--train-ratio", "0.7", "--val-ratio", "0.15"]
    command += [] if epochs is None else ["--max-epochs", str(epochs)]
    path = os.pathsep.join(os.path.abspath(place) for place in sys.path if place)
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return folder / done.stdout.splitlines()[-1]


def ship(run: Path, out: Path) -> None:
    """Checkpoint, ONNX file and metadata of the run into the package."""
    out.mkdir(parents=True, exist_ok=True)
    weights, graph = out / "compact.ckpt", out / "compact.onnx"
    shutil.copyfile(run / "checkpoints" / "best_model.ckpt", weights)
    say("writing the ONNX file")
    if not (found := export_onnx(str(weights), str(graph))).within:
        raise SystemExit(f"the ONNX file does not compute what PyTorch does: {found}")
    if (total := weights.stat().st_size + graph.stat().st_size) > MOST_BYTES:
        say(f"{total / 1e6:.1f} MB with the ONNX file: it is left out")
        graph.unlink()
    metadata = public(json.loads((run / "metadata.json").read_text(encoding="utf-8")))
    (out / "metadata.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")


def public(metadata: dict[str, Any]) -> dict[str, Any]:
    """The run's metadata without what tells of the machine. SystemExit if a path of it is left."""
    kept = {key: value for key, value in metadata.items() if key not in PRIVATE}
    kept["data_config"] = {**kept["data_config"], "path": "wide"}
    kept["environment"] = {key: kept["environment"].get(key) for key in ENVIRONMENT}
    kept["best_model_path"] = "compact.ckpt"
    if left := [text for text in strings(kept) if text.startswith(("/", "~")) or str(Path.home()) in text]:
        raise SystemExit(f"metadata.json holds paths of this machine: {left}")
    return kept


def strings(value: Any) -> list[str]:
    """Every string in a JSON value."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


def inside(
    folder: Path, wide: DataSet, rows: NDArray[np.int64], out: Path, settings: SimulationSettings, jobs: int
) -> dict[str, Any]:
    """Figures of held-out rooms, with what a second simulation of them differs by."""
    table = RoomTable([wide.ids[row] for row in rows], wide.features[rows])
    again = simulated(folder / "again", table, 1, settings, jobs)
    say(f"measuring on {len(rows)} held-out rooms")
    return measured(wide, rows, load_model(out / "compact.ckpt"), again)


def published_rooms(args: argparse.Namespace, folder: Path, settings: SimulationSettings) -> DataSet | None:
    """The published rooms, simulated; None, said aloud, without their table."""
    if args.rooms is None:
        say("NO --rooms roomFeaturesDataset.csv: the card goes without errors on the published rooms")
        return None
    place = Path(args.published) if args.published else folder / "published"
    table = choose_rooms(read_rooms_csv(args.rooms), args.limit)
    if not (place / "manifest.json").is_file():
        return simulated(place, table, 0, settings, args.jobs)
    found = open_data(place)  # perhaps somebody else's: read, not gone on with
    if found.ids[: len(table)] != table.ids or found.manifest["settings"]["rays"] != settings.rays:
        raise SystemExit(f"{place} does not hold these {len(table)} rooms with {settings.rays} rays: name another")
    return found


def test_rows(run: Path) -> NDArray[np.int64]:
    """Rows of the rooms that neither training nor validation saw."""
    return np.array(json.loads((run / "split.json").read_text(encoding="utf-8"))["test"]["rows"])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
