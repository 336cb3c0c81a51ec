"""`decaylab compare`: the runs of an experiments folder as a table, and as CSV, JSON or Markdown."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from decaylab.cli.out import say, terminal, write_data, write_lines
from decaylab.cli.parser import positive_int
from decaylab.cli.runs import add_folder, chosen_folder

if TYPE_CHECKING:
    from decaylab.runlog.record import Record
    from decaylab.runlog.tables.compare import Order

EXAMPLE = """\
decaylab compare --sort-by t20_mae --top 20
decaylab compare --where 'loss_type=auxiliary' --where 't20_mae<=0.02' --export csv
decaylab compare --group-by model,loss_type --sort-by t20_mae"""


#: Of so few rows each is read again rather than shown out of columns that are read of every run.
_FEW = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_folder(parser)
    add(
        "--sort-by", metavar="FIELD", default="duration", help="best first by the field's direction (default: duration)"
    )
    order = parser.add_mutually_exclusive_group()
    order.add_argument("--ascending", action="store_true", help="least first")
    order.add_argument("--descending", action="store_true", help="greatest first")
    add(
        "--where",
        metavar="EXPR",
        action="append",
        default=[],
        help="FIELD OP VALUE; OP is = != < <= > >= ~ (contains); FIELD=null finds missing ones; several mean and",
    )
    add(
        "--columns",
        metavar="A,B",
        type=_names,
        default=[],
        help="fields to show; short names or dotted paths into metadata.json",
    )
    add("--top", metavar="N", type=positive_int, help="the first N rows only")
    add(
        "--group-by",
        metavar="A,B",
        type=_names,
        default=[],
        help="mean, standard deviation and count over runs that agree in these fields",
    )
    add("--archived", action="store_true", help="the runs in archive/ beside the experiments folder, too, marked")
    add("--export", choices=("csv", "json", "markdown"), help="write the rows to a file, too")
    add("--output", metavar="FILE", help="where to; - is stdout, without the table")


def run(args: argparse.Namespace) -> int:
    import gc

    # A table of many runs makes many objects and no cycles; looking for cycles would take a third of its time.
    gc.disable()
    from decaylab.runlog import query
    from decaylab.runlog.index import scan
    from decaylab.runlog.tables import compare

    folder = chosen_folder(args)
    everything = scan(folder, _needed(args))
    if args.archived:
        from decaylab.runlog.keeping.archived import with_archived

        everything = with_archived(everything, folder)
    conditions = [query.parse_condition(expression, everything) for expression in args.where]
    columns = [query.resolve(name, everything) for name in args.columns]
    grouping = [query.resolve(name, everything) for name in args.group_by]
    order = _order(args, everything)
    rows = query.select(everything, conditions) if conditions else everything
    if grouping:
        return _run_grouped(args, folder, rows, grouping, order, columns)
    rows = query.sort(rows, order.field, order.descending)[: args.top]
    if _wants_export(args):
        from decaylab.runlog.tables.export import rows_of

        # Without columns an export has every short field, where an archived run lies among them.
        fields = [*columns, "archive"] if columns and args.archived else columns
        if _export(args, folder, *rows_of(rows, fields)):
            return 0
    write_lines(compare.table(rows, everything, folder, order, columns, compare.Look(*terminal())))
    if everything and (problem := everything[0].folder.notes_problem):
        say(f"notes are not shown: {problem}")
    return 0


def _run_grouped(
    args: argparse.Namespace, folder: str, rows: list[Record], grouping: list[str], order: Order, columns: list[str]
) -> int:
    from decaylab.runlog.tables import groups
    from decaylab.runlog.tables.compare import Look

    found = groups.sort_groups(groups.group(rows, grouping), grouping, order)[: args.top]
    if _wants_export(args):
        metrics = list(dict.fromkeys((*(columns or groups.METRICS), order.field)))
        if _export(args, folder, *groups.rows_of(found, grouping, metrics)):
            return 0
    write_lines(groups.table(found, grouping, folder, order, Look(*terminal()), columns))
    return 0


def _needed(args: argparse.Namespace) -> list[str]:
    """The fields that the answer takes of every run, as far as they can be told before the runs are read."""
    from decaylab.runlog import query
    from decaylab.runlog.tables import compare

    typed = [args.sort_by, *args.group_by, *map(query.field_of, args.where)]
    needed: list[str] = []
    if args.group_by:
        from decaylab.runlog.tables.groups import METRICS

        typed += args.columns
        needed += [*METRICS, *compare.COMPARABLE]
    elif args.top is None or args.top > _FEW:
        typed += args.columns
        needed += compare.shown_of_every_run(args.columns)
        if _wants_export(args) and not args.columns:
            from decaylab.catalogue.fields import FIELDS

            needed += FIELDS
    return [*needed, *(path for field in typed for path in query.paths_of(field))]


def _order(args: argparse.Namespace, everything: list[Record]) -> Order:
    from decaylab.runlog import query
    from decaylab.runlog.tables.compare import Order

    field = query.resolve(args.sort_by, everything)
    better, is_known = query.direction(field, everything)
    descending = args.descending or (better == "max" and not args.ascending)
    said = "" if is_known or args.ascending or args.descending else " (no direction recorded: less is taken as better)"
    return Order(field, descending, said)


def _names(text: str) -> list[str]:
    """The names of a list `A,B`; duplicates count once."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError(f"'{text}' names no field")
    return names


def _wants_export(args: argparse.Namespace) -> bool:
    return args.export is not None or args.output is not None


def _export(args: argparse.Namespace, folder: str, names: list[str], rows: list[list[Any]]) -> bool:
    """Write the rows where they were asked for; True when that was stdout, and the table is left out."""
    from decaylab.runlog.tables import export

    form = export.format_for(args.output or "", args.export)
    data = export.encode(names, rows, form)
    path = args.output
    if path == "-":
        write_data(data)
        return True
    if path is None:
        path = export.write_beside_runs(folder, data, form)
    else:
        export.write_to(path, data)
    say(f"written to {path}")
    return False
