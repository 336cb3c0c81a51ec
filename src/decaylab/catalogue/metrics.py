"""What a run is judged by: one row a quantity, from which follow keys, FIELDs, directions and targets."""

from __future__ import annotations

from decaylab.catalogue.rows import Row


class Metric(Row):
    """One quantity that predictions are scored by.

    Attributes:
        key: its place below `metrics` in metadata.json. name: of its FIELDs, `<name>_mae`.
        meaning: in words, for docs. label: in tables. unit: of MAE, RMSE, bias; "" where there is none.
        digits: after the point, of MAE and RMSE in tables.
        target: the run log's, for the MAE; None where there is none.
        example: the MAE of the document's run. documented: whether the run-log document shows it.
        is_parameter: it has bias, 95th percentile, share within the just noticeable difference and terciles, too.
        has_noise: it stands beside the label noise, `<name>_vs_noise`.
        suspect: definitions of older programs by which its value means something else ("unknown", "predecessor").
    """

    key: str
    name: str
    meaning: str
    label: str
    unit: str
    digits: int
    target: float | None = None
    example: float | None = None
    documented: bool = True
    is_parameter: bool = True
    has_noise: bool = True
    suspect: tuple[str, ...] = ()


METRICS: tuple[Metric, ...] = (
    Metric("overall_edc", "edc", "energy decay curve, all rooms and samples", "EDC", "", 5, example=0.250203,
           is_parameter=False),
    Metric("edt", "edt", "early decay time", "EDT", "s", 4, 0.020, 0.072854, suspect=("unknown", "predecessor")),
    Metric("t20", "t20", "reverberation time T20", "T20", "s", 4, 0.020, 0.726452, suspect=("predecessor",)),
    Metric("c50", "c50", "clarity C50", "C50", "dB", 3, 0.90, 0.34, suspect=("unknown", "predecessor")),
    Metric("t30", "t30", "reverberation time T30", "T30", "s", 4, documented=False, has_noise=False),
    Metric("ts", "ts", "centre time Ts", "Ts", "s", 4, documented=False, has_noise=False),
)  # fmt: skip

#: Metrics by other definitions cannot be compared: their FIELDs are shown marked `?` unless the run says "iso".
DEFINITION_BOUND: dict[str, tuple[str, ...]] = {
    definitions: tuple(metric.name for metric in METRICS if definitions in metric.suspect)
    for definitions in ("unknown", "predecessor")
}
