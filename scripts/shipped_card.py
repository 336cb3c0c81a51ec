"""The model card as text: every number in it is from the run's metadata, its checkpoint or the measured figures."""

from __future__ import annotations

from typing import Any

from decaylab.acoustics.jnd import JND
from decaylab.inference import About
from decaylab.inference.about import unit_of
from decaylab.rooms import draw_wide
from decaylab.rooms.features import FEATURE_NAMES

TARGETS = {"t20": 0.020, "edt": 0.020, "c50": 0.90}
TITLES = {"t20": "T20", "edt": "EDT", "c50": "C50"}
UNITS = {"t20": "s", "edt": "s", "c50": "dB"}
DIGITS = {"t20": 4, "edt": 4, "c50": 3}
NAMES = {
    "shipped": "this model",
    "physics": "its physics alone, nothing trained",
    "sabine": "Sabine",
    "eyring": "Eyring",
}


TEMPLATE = """\
# The model that ships with decaylab

`{model}`, {parameters:,} parameters, trained as run `{run}`; its record is metadata.json beside this card. `decaylab
predict` without RUN and `load_model()` use it. All parameters are **broadband (48 kHz, white source)**: not the ISO
single number, the mean of 500 and 1000 Hz.

`scripts/build_shipped_model.py` (`make shipped-model`) builds the model and writes this page from what it measured.

## What it was trained on

{train:,} box rooms, simulated by {simulator} with {rays:,} rays; {val:,} more chose its epoch and gave its intervals,
{test:,} more are the held-out rooms below. Drawn by `decaylab simulate --wide`: volume {volume} m3, height {height} m,
one floor side up to {aspect:g} times the other; one to {materials} of pyroomacoustics' materials, mixed; source and
receiver anywhere {clearance:g} m or more from the walls and {separation:g} m or more apart; estimated T20 {t20} s, so
that the decay fits the record of 2 s.

| input | least | greatest |
|---|---|---|
{ranges}

## Where it holds

- Empty boxes with six walls alike: one absorption per octave band, the mean over the surface. No scattering, no
  furniture, no other shapes. What it was held against is simulations, never measurements.
- Within the ranges above; `decaylab predict` says what lies outside. The six walls of a real room differ: sound
  between two hard walls outlasts what the mean absorption says.
- A T20 above 3.4 s does not fit the record and is invalid; near it, validity is a matter of chance.

## Errors on rooms it has not seen: drawn like its own

Most of what it knows is physics: the second row of each parameter has no training at all.

{inside}

`label noise`: mean |a - b| / sqrt 2 of two simulations of each room under different seeds, about the error of a perfect
predictor. The pattern of the simulator's rays is the same in both, and so no part of it: in a hall 16,000 rays are few.

## Errors on the published rooms

{published}

## Intervals

{intervals}

## Against Sabine and Eyring

In the tables above, on the same rooms, with all that the formulas allow: T60 per octave band with air absorption,
direct sound and a diffuse field at the level of Barron's revised theory, bands summed with the simulator's weights, the
curve cut at 2 s, then the same parameters from the same onset (`decaylab.acoustics.formulas`,
`benchmarks/formulas.py`). An empty box has no diffuse field: sound between far or hard walls goes on when the formulas
say that it is gone.
"""


def card(metadata: dict[str, Any], figures: dict[str, Any], about: About) -> str:
    """MODEL_CARD.md.

    Args:
        figures: `inside`, and `published` where it was measured, each as `shipped_figures.measured` gives it.
    """
    data = metadata["data_config"]
    return TEMPLATE.format(
        model=metadata["model_name"],
        parameters=metadata["model_parameters"]["total"],
        run=metadata["run_id"],
        train=data["train_size"],
        val=data["val_size"],
        test=data["test_size"],
        simulator=data["simulation"]["simulator"],
        rays=data["simulation"]["rays"],
        volume=_span(draw_wide.VOLUME_RANGE),
        height=_span(draw_wide.HEIGHT_RANGE),
        aspect=draw_wide.ASPECT_RANGE[1],
        materials=draw_wide.MOST_MATERIALS,
        clearance=draw_wide.CLEARANCE,
        separation=draw_wide.SEPARATION,
        t20=_span((draw_wide.LEAST_T20, draw_wide.MOST_T20)),
        ranges=_ranges(about),
        inside=f"{_about_rooms(figures['inside'])}\n\n{_errors(figures['inside'])}",
        published=_published(figures.get("published")),
        intervals=_intervals(about, figures),
    )


def _span(limits: tuple[float, float]) -> str:
    return f"{limits[0]:g} to {limits[1]:g}"


def _ranges(about: About) -> str:
    assert about.ranges is not None
    rows = []
    for name in FEATURE_NAMES:
        low, high = about.ranges[name]
        rows.append(f"| {name}{' (' + unit_of(name) + ')' if unit_of(name) else ''} | {low:.3g} | {high:.3g} |")
    return "\n".join(rows)


def _about_rooms(found: dict[str, Any]) -> str:
    volume, t20 = found["volume_range"], found["t20_range"]
    return (
        f"{found['rooms']:,} rooms of {volume[0]:.0f} to {volume[1]:,.0f} m3, T20 {t20[0]:.2f} to {t20[1]:.2f} s, "
        f"{found['simulation']['rays']:,} rays. One just noticeable difference (JND) is 5 % of T20 and of EDT, "
        f"{JND['c50'].size:g} dB of C50."
    )


def _errors(found: dict[str, Any]) -> str:
    lines = [
        "| | what | MAE | bias | 95 % of the errors below | in JND: median, 75 %, 90 % | within one JND | not valid |",
        "|" + "---|" * 8,
    ]
    for name, title in TITLES.items():
        lines += [_line(title, name, shown, found["ways"][way][name]) for way, shown in NAMES.items()]
        if found["noise"] is not None:
            lines.append(f"| {title} | label noise | {found['noise'][name]:.{DIGITS[name]}f} {UNITS[name]} | | | | | |")
    for way, shown in NAMES.items():
        of = found["ways"][way]["edc"]
        lines.append(f"| EDC | {shown} | {of['mae']:.5f} ({of['db_mae']:.2f} dB to -35 dB) | | | | | |")
    return "\n".join(lines)


def _line(title: str, name: str, shown: str, of: dict[str, Any]) -> str:
    valid = f"{of['invalid']} of {of['rooms'] + of['invalid']}"
    if not of["rooms"]:
        return f"| {title} | {shown} | - | - | - | - | - | {valid} |"
    jnd = ", ".join(f"{value:.2f}" for value in of["jnd"])
    mae, bias, most = (f"{of[key]:.{DIGITS[name]}f}" for key in ("mae", "bias", "p95"))
    return f"| {title} | {shown} | {mae} {UNITS[name]} | {bias} | {most} | {jnd} | {of['within_jnd']:.0%} | {valid} |"


def _published(found: dict[str, Any] | None) -> str:
    if found is None:
        return "Not measured: the build had no published table (`--rooms roomFeaturesDataset.csv`)."
    verdicts = []
    for name, target in TARGETS.items():
        mae = found["ways"]["shipped"][name]["mae"]
        verdict = "met" if mae <= target else "MISSED"
        verdicts.append(f"{TITLES[name]} {verdict} ({mae:.4f}, target {target:g} {UNITS[name]})")
    said = f"None of them was in the training. {_about_rooms(found)} The run log's targets: {', '.join(verdicts)}."
    return f"{said}\n\n{_errors(found)}"


def _intervals(about: About, figures: dict[str, Any]) -> str:
    intervals = about.intervals
    if intervals is None:
        return "None: the validation rooms were too few."
    names = list(intervals["half_width"])
    widths = [_width(intervals["half_width"][name], name in intervals["relative"]) for name in names]
    lines = [
        f"An interval holds ONE simulation of the room in {intervals['level']:.0%} of the cases, for rooms like its "
        f"own ({intervals['rooms']} validation rooms). Half-widths (a share of the predicted time, dB, a ratio), and "
        "the share of unseen rooms whose simulation lies within:\n",
        f"| | {' | '.join(names)} |",
        "|" + "---|" * (len(names) + 1),
        f"| half-width | {' | '.join(widths)} |",
    ]
    for key, title in (("inside", "held-out rooms"), ("published", "published rooms")):
        if key in figures:
            shares = [figures[key]["coverage"][name] for name in names]
            lines.append(f"| {title} | {' | '.join('-' if s is None else f'{s:.2f}' for s in shares)} |")
    return "\n".join(lines)


def _width(value: float | None, is_share: bool) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if is_share else f"{value:.3g}"
