"""Where the settings of a training come from."""

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
