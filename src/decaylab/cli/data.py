"""`decaylab data check` and `decaylab data export`: what is wrong with a data set; a data set for other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from decaylab.catalogue.settings import BY_NAME
from decaylab.cli.out import say, write_lines
from decaylab.cli.parser import add_subcommands
from decaylab.cli.progress import Progress
from decaylab.cli.settings import add_setting

if TYPE_CHECKING:
    from decaylab.rooms.check import CheckReport, SplitChoice

EXAMPLE = """\
decaylab data check data/rooms --split room
decaylab data export data/rooms --out data/published"""

SUBCOMMANDS = {
    "check": (
        "say what is wrong with a data set, and what to do; exit status 1 if there is a fault",
        """\
decaylab data check data/rooms
decaylab data check data/rooms --split material --fold 1/5
decaylab data check data/rooms --json""",
    ),
    "export": (
        "write roomFeaturesDataset.csv and EDC/<id>.npy, whole or not at all",
        "decaylab data export data/rooms --out data/published",
    ),
}

#: The settings of a split.
_SPLIT = ("split", "split_seed", "fold", "train_ratio", "val_ratio")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    made = add_subcommands(parser, SUBCOMMANDS)
    for below in made.values():
        below.add_argument("dir", metavar="DIR", help="data set: of `decaylab simulate`, or published")
    check, export = made["check"], made["export"]
    for name in _SPLIT:
        add_setting(check, BY_NAME[name])
    check.add_argument("--json", action="store_true", help="the report as JSON on stdout, with every id")
    export.add_argument("--out", required=True, metavar="DIR", help="the folder to make; it must not exist yet")


def run(args: argparse.Namespace) -> int:
    return _check(args) if args.subcommand == "check" else _export(args)


def _check(args: argparse.Namespace) -> int:
    from decaylab.rooms.check import check_data

    with Progress(sys.stderr, "checked", "curves") as progress:
        report = check_data(args.dir, _split(args), progress)
    if args.json:
        import json

        print(json.dumps(report.to_json(), indent=2))
    else:
        from decaylab.runlog.text import printable

        write_lines(map(printable, _lines(report)))
    return 1 if report.faults else 0


def _export(args: argparse.Namespace) -> int:
    from decaylab.rooms import open_data
    from decaylab.rooms.export import export_published

    data = open_data(args.dir)
    for line in data.notes:
        say(f"data set: {line}")
    with Progress(sys.stderr, "written", "curves") as progress:
        size = export_published(data, args.out, progress)
    say(f"{len(data)} rooms, {size / 1e6:.1f} MB of curves")
    print(args.out)
    return 0


def _split(args: argparse.Namespace) -> SplitChoice | None:
    """The split asked for; None where nothing was said about it."""
    from decaylab.rooms.check import SplitChoice

    given = {name: getattr(args, name) for name in _SPLIT if getattr(args, name) is not None}
    for name, value in given.items():
        BY_NAME[name].check(value)
    named = {"split": "kind", "split_seed": "seed"}
    return SplitChoice(**{named.get(name, name): value for name, value in given.items()}) if given else None


def _lines(report: CheckReport) -> Iterator[str]:
    from decaylab.runlog.text import counted

    yield f"{report.path}: {report.format}, {report.rooms} rooms, {report.curves} curves read"
    if report.split is not None:
        split = report.split
        fold = f" fold {split['fold']}" if split["fold"] else ""
        yield (
            f"{split['kind']} split{fold}, seed {split['seed']}: "
            f"{split['train']} training, {split['validation']} validation, {split['test']} test rooms"
        )
    for finding in report.findings:
        yield ""
        yield f"{finding.severity}: {finding.code}, {finding.count:,} of {finding.of:,} {finding.unit}"
        yield f"  {finding.meaning}"
        rest = finding.count - len(finding.examples)
        yield f"  {'; '.join(finding.examples)}{f'; and {rest:,} more' if rest else ''}"
        yield f"  to do: {finding.action}"
    for line in report.not_checked:
        yield ""
        yield f"not checked: {line}"
    yield ""
    yield f"{counted(report.faults, 'fault')}, {counted(len(report.findings) - report.faults, 'notice')}"
