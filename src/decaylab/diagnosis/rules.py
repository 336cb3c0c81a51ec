"""What a rule of `diagnose` is: a name, a place in the ranking, and a test over the facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from decaylab.diagnosis.causes import CAUSES
from decaylab.diagnosis.facts import Facts

#: Kinds in the order in which they are told: how the run ended; faults of its data; settings that explain the result;
#: the result; what the record itself lacks.
KINDS = ("end", "data", "cause", "symptom", "record")
THIS_RUN, COMPARABLE, EXPERIENCE = "this run", "comparable runs", "experience"


class Found(NamedTuple):
    """The answer of a rule that fires; None where the rule's own holds.

    Attributes:
        evidence: plain text with the numbers.
        blames: settings (by FIELD) that the finding is about; a comparable run with the same ones clears them.
    """

    evidence: str
    basis: str = THIS_RUN
    severity: str | None = None
    change: dict[str, Any] | None = None
    cause: str | None = None
    blames: tuple[str, ...] = ()


class Rule(NamedTuple):
    """One thing that can be wrong.

    `severity` is that of a run whose result is sound; a cause counts for more where the result needs explaining.
    """

    code: str
    kind: str
    severity: str
    test: Callable[[Facts], Found | None]
    cause: str = ""

    @property
    def text(self) -> str:
        known = CAUSES.get(self.code)
        return self.cause or (known.cause if known else "")

    @property
    def change(self) -> dict[str, Any]:
        known = CAUSES.get(self.code)
        return dict(known.change) if known else {}


def figure(value: float) -> str:
    """A number as people write it: four digits, no exponent where none is needed."""
    return f"{value:,.0f}" if abs(value) >= 1000 and value == round(value) else f"{value:.4g}"
