"""Our curves of the published rooms against the published envelope (smallest and largest value at each sample).

    python benchmarks/envelope.py --rooms roomFeaturesDataset.csv --envelope edc_envelope.npz --data DIR --limit 300

Simulates with the settings behind the published data set (`--preset published`), mixed from the whole table, and prints
the smallest and largest level of our curves beside the published ones. A second call reuses the curves in --data.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

from decaylab.cli.progress import SimulationProgress
from decaylab.rooms import SimulationSettings, choose_rooms, open_data, read_rooms_csv, simulate_rooms

MILLISECONDS = (20, 50, 100, 200, 300, 500)


def main() -> None:
    """Parse the options, simulate, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", required=True, metavar="FILE.csv", help="the published table of rooms")
    parser.add_argument("--envelope", required=True, metavar="FILE.npz", help="edc_min and edc_max, (96000,) each")
    parser.add_argument("--data", required=True, metavar="DIR", help="where the simulated curves go")
    parser.add_argument("--limit", type=int, default=300, help="number of rooms (default: 300)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--figure", metavar="FILE.png", help="draw both envelopes (needs matplotlib)")
    args = parser.parse_args()

    table = choose_rooms(read_rooms_csv(args.rooms), args.limit)
    with SimulationProgress(sys.stderr) as progress:
        simulate_rooms(args.data, table, settings=SimulationSettings.published(), jobs=args.jobs, progress=progress)
    data = open_data(args.data)
    low, high = np.full(data.samples, np.inf), np.full(data.samples, -np.inf)
    for first in range(0, len(data), 64):
        curves = data.read(np.arange(first, min(first + 64, len(data))))
        low, high = np.minimum(low, curves.min(axis=0)), np.maximum(high, curves.max(axis=0))
    with np.load(args.envelope) as envelope:
        published = envelope["edc_min"], envelope["edc_max"]
    print_table(len(data), low, high, *published, data.sampling_rate)
    if args.figure:
        draw(args.figure, len(data), (low, high), published, data.sampling_rate)


def print_table(
    count: int,
    low: NDArray[np.floating],
    high: NDArray[np.floating],
    published_low: NDArray[np.floating],
    published_high: NDArray[np.floating],
    sampling_rate: int,
) -> None:
    """A Markdown table in dB, and from where on each minimum is exactly 0."""
    print(f"{count} rooms, levels in dB\n")
    print("| time ms | max | published max | difference | min | published min | difference |")
    print("|---|---|---|---|---|---|---|")
    for time in MILLISECONDS:
        sample = time * sampling_rate // 1000
        cells = []
        for ours, theirs in ((high[sample], published_high[sample]), (low[sample], published_low[sample])):
            cells += [decibels(ours), decibels(theirs), decibels(ours / theirs if ours > 0 and theirs > 0 else 0)]
        print(f"| {time} | {' | '.join(cells)} |")
    for name, curve in (("our", low), ("the published", published_low)):
        zero = np.flatnonzero(curve == 0)
        print(f"\n{name} minimum is exactly 0 from sample {zero[0] if zero.size else 'none'} on")


def draw(
    path: str,
    count: int,
    ours: tuple[NDArray[np.floating], NDArray[np.floating]],
    published: tuple[NDArray[np.floating], NDArray[np.floating]],
    sampling_rate: int,
) -> None:
    """Both envelopes over the first 1.6 s, in dB."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.0, 3.4), layout="constrained")
    shown = slice(0, int(1.6 * sampling_rate), 48)
    time = np.arange(len(ours[0]))[shown] / sampling_rate
    styles = ((published, "published", "0.25", "--"), (ours, f"simulated, {count:,} rooms", "#0072b2", "-"))
    for (low, high), name, colour, line in styles:
        for curve, label in ((high, name), (low, None)):
            level = 10 * np.log10(np.maximum(curve[shown], 1e-12))
            axes.plot(time, level, line, color=colour, label=label, linewidth=1.2)
    axes.set(xlim=(0, 1.6), ylim=(-65, 5), xlabel="time in s", ylabel="level re start in dB")
    axes.grid(color="0.9")
    axes.legend(loc="upper right", frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def decibels(ratio: float) -> str:
    """A level with two digits; a dash for no energy."""
    return f"{10 * np.log10(ratio):.2f}" if ratio > 0 else "-"


if __name__ == "__main__":
    main()
