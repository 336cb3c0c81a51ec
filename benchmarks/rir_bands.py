"""Impulse responses made from predictions, band by band, against simulations of the same rooms.

    python benchmarks/rir_bands.py [--model RUN or FILE] [--rooms FILE.csv or --wide] [--limit 24] [--rays 16000]

Without --model the model that ships. For each room a response made from the predicted curve and two simulations under
different seeds. Broadband: the largest difference in dB between the response's decay curve and the predicted one, down
to -35 dB. In bands: T20 of the response over T20 of the first simulation; beside it the second simulation over the
first, which is what chance does. Goal: the curves within 0.5 dB in every room, and T20 within 10 % in the median over
rooms and bands. Exits 1 when missed.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab import load_model
from decaylab.acoustics import EDC_SAMPLES, edc_from_rir, response_parameters, usable_bands
from decaylab.inference import Predictor
from decaylab.rooms import SimulationSettings, choose_rooms, draw_rooms, draw_wide_rooms, read_rooms_csv
from decaylab.rooms.simulate import room_seed, simulate_rirs

EDC_GOAL_DB, T20_GOAL = 0.5, 0.10
DEPTH_DB = -35.0
#: Of the rooms of --wide: the shipped model's own have seed 0.
WIDE_SEED = 77
BANDS = tuple(usable_bands(48_000)[0])


def main() -> int:
    """Parse the options, measure, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="RUN", help="a run's directory, a checkpoint or an ONNX file")
    parser.add_argument("--rooms", metavar="FILE.csv", help="a table in the published format (default: drawn rooms)")
    parser.add_argument("--wide", action="store_true", help="rooms from a bathroom to a small hall, drawn")
    parser.add_argument("--limit", type=int, default=24, help="rooms (default: 24)")
    parser.add_argument("--rays", type=int, default=16_000)
    parser.add_argument("--seed", type=int, default=0, help="of the responses")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(args.model)
    drawn = draw_wide_rooms(args.limit, WIDE_SEED) if args.wide else draw_rooms(args.limit, seed=0)
    table = choose_rooms(read_rooms_csv(args.rooms), args.limit) if args.rooms else drawn
    parts, made, again = [], [], []
    for room in table.features:
        difference, *times = of_room(model, room, args.rays, args.seed)
        parts.append(difference)
        with np.errstate(invalid="ignore"):
            made.append(np.abs(times[0] / times[1] - 1.0))
            again.append(np.abs(times[2] / times[1] - 1.0))
    print(f"{len(table)} rooms, {args.rays:,} rays, {model.about.name}, responses of seed {args.seed}")
    print(f"decay curve of the response less the predicted one, largest down to {DEPTH_DB:g} dB, over rooms")
    print(f"  median {np.median(parts):.2f}, 90 % {np.quantile(parts, 0.9):.2f}, largest {np.max(parts):.2f} dB")
    print("T20 in octave bands: |response / simulation - 1|, and |second simulation / first - 1|")
    print(
        f"  {'band':>9}  {'rooms':>5}  {'median':>7} {'75 %':>7} {'90 %':>7}   "
        f"{'two simulations: median':>23} {'90 %':>7}"
    )
    values, chance = np.array(made), np.array(again)
    for column, name in enumerate(["broadband", *(f"{centre:g}" for centre in BANDS)]):
        print_row(name, values[:, column], chance[:, column])
    print_row("all bands", values[:, 1:].ravel(), chance[:, 1:].ravel())
    overall = float(np.nanmedian(values[:, 1:]))
    reached = max(parts) <= EDC_GOAL_DB and overall <= T20_GOAL
    verdict = "reached" if reached else "NOT reached"
    print(f"goal ({EDC_GOAL_DB:g} dB in every room, {T20_GOAL:.0%} in the median): {verdict}")
    return 0 if reached else 1


def of_room(model: Predictor, room: NDArray, rays: int, seed: int) -> tuple[float, NDArray, NDArray, NDArray]:
    """Largest difference in dB, and T20 broadband and per band (1 + bands,) of the response and two simulations."""
    curve = model.predict(room).curves[0].astype(np.float64)
    response = model.impulse_responses(room, seed=seed)[0].astype(np.float64)
    level = 10.0 * np.log10(np.maximum(curve, 1e-30))
    shown = level > DEPTH_DB
    difference = np.abs(10.0 * np.log10(edc_from_rir(response)[shown]) - level[shown]).max()
    seeds = [room_seed(1, room, k) for k in (0, 1)]
    simulated = [rir[:EDC_SAMPLES] for rir in simulate_rirs(room, seeds, SimulationSettings(rays=rays))]
    return float(difference), times(response), times(simulated[0]), times(simulated[1])


def times(response: NDArray) -> NDArray:
    """T20 in s, broadband and per band; NaN where invalid."""
    return np.array([found.values["t20"] for found in response_parameters(response, bands=BANDS)])


def print_row(name: str, values: NDArray, chance: NDArray) -> None:
    """One line of the table, over the rooms in which T20 is valid."""
    valid, other = values[np.isfinite(values)], chance[np.isfinite(chance)]
    if not (valid.size and other.size):
        print(f"  {name:>9}  {valid.size:5d}  no valid T20")
        return
    shares = [f"{100 * np.quantile(valid, q):6.1f}%" for q in (0.5, 0.75, 0.9)]
    compared = [f"{100 * np.quantile(other, q):.1f}%" for q in (0.5, 0.9)]
    print(f"  {name:>9}  {valid.size:5d}  {' '.join(shares)}   {compared[0]:>23} {compared[1]:>7}")


if __name__ == "__main__":
    sys.exit(main())
