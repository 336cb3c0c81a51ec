"""What a training ended with. Needs no PyTorch."""

from __future__ import annotations

from typing import Any, NamedTuple


class Origin(NamedTuple):
    """The run that a training's settings come from. `how`: "from" (`train --from`) or "reproduce".

    Attributes:
        assumed: what its record lacked and a person stated, by key.
        threads: of PyTorch, as recorded; None: as many as help.
    """

    parent: str
    how: str
    assumed: dict[str, Any]
    threads: int | None = None

    def sections(self) -> dict[str, Any]:
        """For the new run's record."""
        return {"parent": self.parent, "parent_how": self.how, **({"assumed": self.assumed} if self.assumed else {})}


class Outcome(NamedTuple):
    """How a training ended; the same is on record in `directory`.

    Attributes:
        run_id: name of the run.
        directory: of the run, absolute.
        status: "completed" or "diverged".
        best_val_loss: lowest validation loss, in the unit of the run's loss; None if none was finite.
        validation: metrics of the validation rooms by the best weights, in the form of `metrics`. Choose a run by
            these, never by those of the test rooms. Empty, as the next two, if no epoch gave weights.
        metrics: of the test rooms, as `CurveMetrics.result` gives them: name -> figures in s and dB, null where there
            are none.
        baselines: "mean_curve" and "physics" -> what answers without training have on the same test rooms.
    """

    run_id: str
    directory: str
    status: str
    best_val_loss: float | None
    validation: dict[str, Any]
    metrics: dict[str, Any]
    baselines: dict[str, Any]
