"""How long an epoch takes and what is left: one rule for the progress bar of a training and for `watch`."""

from __future__ import annotations

from collections.abc import Sequence

#: The pace is that of the last epochs: a machine that others use changes its speed within a run.
RECENT = 10


def epoch_seconds(ends: Sequence[tuple[int, float]]) -> float | None:
    """Seconds an epoch, from (epoch, seconds since the fit began) at the ends of epochs, in order; None: too little.

    The last ten epochs count; of the first one alone, all of its time.
    """
    known = [(epoch, seconds) for epoch, seconds in ends[-RECENT - 1 :] if seconds - seconds == 0]
    if not known:
        return None
    (first, began), (last, ended) = known[0], known[-1]
    if len(known) == 1:
        first, began = 0, 0.0
    if last <= first or ended < began:
        return None
    return (ended - began) / (last - first)


def seconds_left(epoch: int, max_epochs: int, pace: float, since: float = 0.0) -> float:
    """Seconds to the end of `max_epochs`, `since` seconds after the end of `epoch`; early stopping may end it sooner.

    An epoch that takes longer than the pace holds the estimate, it does not make it negative.
    """
    return max(0, max_epochs - epoch) * pace - min(max(since, 0.0), pace if epoch < max_epochs else 0.0)
