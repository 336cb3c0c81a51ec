"""What `decaylab watch` shows: two lines a run for people, one line of columns a run for scripts.

A line is a list of (text, style); the text is printable and never markup, styles are `good`, `warn`, `bad`, `dim` and
"" (as in `table`). No line is wider than it may be, whatever a run is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from decaylab.runlog.tables.cells import MISSING
from decaylab.runlog.text import clock, columns, counted, printable, shorten
from decaylab.runlog.watching.watch import View, Watched

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-:=+*#"


def can_show(text: str, encoding: str) -> bool:
    """Whether an encoding has all characters of `text`."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def curve(values: Sequence[float], width: int, ramp: str = BLOCKS) -> str:
    """`values` in at most `width` characters, each the mean of its part; `x` where nothing of the part is finite.

    Heights are by logarithm where all finite values are above 0, as losses fall by orders of magnitude. `ramp` holds
    the characters for heights, lowest first.
    """
    if width < 1 or not values:
        return ""
    parts = _parts(values, min(width, len(values)))
    finite = [value for value in parts if value is not None]
    if finite and min(finite) > 0:
        parts = [None if value is None else math.log(value) for value in parts]
        finite = [value for value in parts if value is not None]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return "".join("x" if value is None else _height(value, low, high, ramp) for value in parts)


def _height(value: float, low: float, high: float, ramp: str) -> str:
    # Halved first: the difference of two floats may be beyond the largest one.
    span = high / 2 - low / 2
    return ramp[0] if span == 0 else ramp[min(len(ramp) - 1, int((value / 2 - low / 2) / span * len(ramp)))]


def _parts(values: Sequence[float], count: int) -> list[float | None]:
    """Means of `count` parts of equal length; None for a part without a finite value."""
    means: list[float | None] = []
    for index in range(count):
        part = values[index * len(values) // count : (index + 1) * len(values) // count]
        finite = [value for value in part if value - value == 0]
        means.append(math.fsum(value / len(finite) for value in finite) if finite else None)
    return means


Line = list[tuple[str, str]]

#: Columns of `--once`, in their order. New ones are added at the end.
COLUMNS = (
    "run_id", "status", "phase", "epoch", "max_epochs", "train_loss", "val_loss", "best_val_loss", "best_epoch",
    "seconds_left", "guard", "ended_seconds_ago", "said",
)  # fmt: skip

_STATUS_STYLES = {
    "running": "good",
    "completed": "dim",
    "interrupted": "warn",
    "lost": "warn",
    "removed": "warn",
    "failed": "bad",
    "diverged": "bad",
    "unreadable": "bad",
}
_GUARD_STYLES = {"quiet": "good", "warned": "warn", "stopped": "bad"}
#: Below this the curve says nothing.
_SHORTEST_CURVE = 8
_WORD = 12


def lines(view: View, where: str, width: int, height: int | None = None, encoding: str = "utf-8") -> list[Line]:
    """The picture of a `view` in at most `width` columns and `height` lines; what finds no room is counted.

    Runs in progress come first.

    Args:
        where: the experiments folder, for the first line.
        encoding: of the terminal; what it cannot show is an escape, and counted as such.
    """

    def safe(text: str) -> str:
        return printable(text).encode(encoding, "backslashreplace").decode(encoding)

    ramp = BLOCKS if can_show(BLOCKS, encoding) else PLAIN
    head = _head(view, safe(where))
    blocks = [_block(run, width, ramp, safe) for run in (*view.running, *view.ended)]
    foot = [[(_earlier(view), "dim")]] if view.earlier else []
    if view.problem is not None:
        head.insert(1, [(safe(view.problem), "bad")])
    room = None if height is None else height - len(head) - len(foot)
    if room is None or sum(len(block) + 1 for block in blocks) <= room:
        blocks = [[*block, []] for block in blocks]
    kept, hidden = _kept(blocks, room)
    if hidden:
        foot.insert(0, [(f"{hidden} more find no room here; `decaylab watch --once | cat` lists all", "warn")])
    return [_fitted(line, width) for line in (*head, *(line for block in kept for line in block), *foot)]


def row(run: Watched) -> list[str]:
    """The values of COLUMNS as text: numbers in full, `-` where there is none, nothing that would break a line."""
    best = run.best or (None, None)
    values = (
        run.run_id, run.status, run.phase or None, run.epoch, run.max_epochs, run.train_loss, run.val_loss, best[1],
        best[0], _whole(run.seconds_left), run.guard, _whole(run.ended_ago), run.said,
    )  # fmt: skip
    return [MISSING if value is None or value == "" else _plain(value) for value in values]


def _head(view: View, where: str) -> list[Line]:
    count = len(view.running)
    said = f"{counted(count, 'run')} in progress in {where}"
    if view.ended:
        said += f", {len(view.ended)} ended"
    return [[(said, "")], []]


def _earlier(view: View) -> str:
    more = "earlier" if view.ended else "before"
    return f"{view.earlier} ended {more}: `decaylab compare` shows them"


def _block(run: Watched, width: int, ramp: str, safe: Callable[[str], str]) -> list[Line]:
    """One run: its name and state; its figures; what there is to say."""
    found = [_title(run, width, safe)]
    if (figures := _figures(run, width, ramp)) is not None:
        found.append(figures)
    if run.said:
        style = _GUARD_STYLES.get(run.guard or "", "") if run.said.startswith("guard:") else "dim"
        found.append([(f"  {safe(run.said)}", style)])
    return found


def _title(run: Watched, width: int, safe: Callable[[str], str]) -> Line:
    status = run.status if run.phase in ("", "training") else run.phase
    if run.ended_ago is not None:
        status += f" {clock(run.ended_ago)} ago"
    state = run.guard if run.guard is None else shorten(safe(run.guard), _WORD)
    tail: Line = [(status, _STATUS_STYLES.get(run.status, ""))]
    if run.ended_ago is None or state is not None:
        tail += [("  guard ", "dim"), (state or MISSING, _GUARD_STYLES.get(run.guard or "", "dim"))]
    room = width - sum(columns(text) for text, _ in tail) - 2
    name = shorten(safe(run.run_id), max(room, 8))
    return [(name, ""), (" " * max(2, room - columns(name) + 2), ""), *tail]


def _figures(run: Watched, width: int, ramp: str) -> Line | None:
    """`  epoch 12/400  train 0.0123  val 0.0145  best 0.0141 at 9  ▇▅▃▂▁  12:04 min left`; None: nothing to show.

    Where the line is short the training loss gives way to the curve, then the best one.
    """
    is_running = run.status == "running"
    if run.epoch is None and not is_running:
        return None
    parts = {"epoch": f"epoch {run.epoch}/{run.max_epochs or '?'}" if run.epoch is not None else "no epoch yet"}
    if run.val_loss is not None:
        parts["val"] = f"val {run.val_loss:.3g}"
    if run.best is not None:
        parts["best"] = f"best {run.best[1]:.3g} at {run.best[0]}"
    if run.train_loss is not None:
        parts["train"] = f"train {run.train_loss:.3g}"
    after = "" if run.seconds_left is None else f"  {clock(run.seconds_left)} left"
    has_curve = len(run.losses) > 1
    order = [name for name in ("epoch", "train", "val", "best") if name in parts]
    for given_up in ("", "train", "best"):
        order = [name for name in order if name != given_up]
        before = "".join(f"  {parts[name]}" for name in order)
        room = width - columns(before) - columns(after) - 2
        if room >= (_SHORTEST_CURVE if has_curve else -2):
            break
    drawn = curve(run.losses, room, ramp) if has_curve and room >= _SHORTEST_CURVE else ""
    return [(before, ""), (f"  {drawn}" if drawn else "", "dim"), (after, "")]


def _kept(blocks: list[list[Line]], room: int | None) -> tuple[list[list[Line]], int]:
    """The first blocks that fit into `room` lines, leaving one to say how many do not."""
    if room is None or sum(map(len, blocks)) <= room:
        return blocks, 0
    kept: list[list[Line]] = []
    for block in blocks:
        if sum(map(len, kept)) + len(block) > room - 1:
            break
        kept.append(block)
    return kept, len(blocks) - len(kept)


def _fitted(line: Line, width: int) -> Line:
    """The line cut to `width` columns."""
    kept: Line = []
    left = width
    for text, style in line:
        cut = shorten(text, left) if left > 3 or columns(text) <= left else "." * left
        if cut:
            kept.append((cut, style))
        left -= columns(cut)
        if cut != text:
            break
    return kept


def _whole(value: float | None) -> int | None:
    return None if value is None or value - value != 0 else round(value)


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))
