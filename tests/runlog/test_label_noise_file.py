"""The ratio of a run's errors to the label noise: of the record, or of the file that was left beside it later."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from decaylab.errors import RunLogError
from decaylab.runlog import index, query
from decaylab.runlog.index_table import Glance
from decaylab.runlog.label_noise import read_label_noise, recorded, write_label_noise
from decaylab.runlog.schema import LABEL_NOISE
from decaylab.runlog.store import read_run, scan
from decaylab.runlog.tables.noise_lines import lines, noise_table

T20 = {"noise": 0.0067, "ratio": 1.03, "low": 0.98, "high": 1.09, "rooms": 128}
FIELDS = ("edc_vs_noise", "edt_vs_noise", "t20_vs_noise", "c50_vs_noise")


def with_ratio(ratio: float | None) -> dict[str, object]:
    return {"rooms": 128, "metrics": {"t20": {**T20, "ratio": ratio}}}


def test_the_line_says_error_ratio_interval_and_rooms() -> None:
    edc = {"noise": 0.00031, "ratio": 1.1, "low": None, "high": None, "rooms": 128}
    assert lines({"rooms": 128, "metrics": {"t20": T20, "edc": edc}}) == [
        "EDC MAE 0.00034 = 1.10 x label noise, 128 paired rooms",
        "T20 MAE 0.0069 s = 1.03 [0.98, 1.09] x label noise, 128 paired rooms",
    ]
    for odd in (None, [], {}, {"metrics": 3}, {"metrics": {"t20": "x"}}, with_ratio(None)):
        assert lines(odd) == []


def test_the_table_of_noise_shows_what_is_missing() -> None:
    entry = {"noise": 0.0067, "low": 0.0061, "high": 0.0073, "rooms": 600, "heaviest_tenth": 0.34}
    table = [" ".join(line.split()) for line in noise_table({"t20": entry})]
    assert "T20 (s) 0.0067 0.0061 to 0.0073 600 34 %" in table
    assert "C50 (dB) - - 0 -" in table


def test_the_record_tells_and_the_later_file_counts_more(write_run, experiments: Path) -> None:
    trained = write_run("compact_20260301_120000", {"label_noise": with_ratio(1.5)})
    write_run("compact_20260301_120001", {"label_noise": None})
    write_run("compact_20260301_120002")
    assert [record.get("t20_vs_noise") for record in scan(str(experiments))] == [1.5, None, None]
    write_label_noise(str(trained), with_ratio(1.03))
    record = read_run(str(trained))
    assert record.get("t20_vs_noise") == 1.03
    assert record.get("edt_vs_noise") is None
    assert recorded(record.path, record.metadata) == with_ratio(1.03)
    unmeasured = read_run(str(experiments / "compact_20260301_120001"))
    assert recorded(unmeasured.path, unmeasured.metadata) is None
    assert json.loads((trained / "metadata.json").read_text())["label_noise"] == with_ratio(1.5)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"metrics": 3}', b"\xff", b'{"metrics": {"t20": {"ratio": "NaN"}}}']
)
def test_a_file_that_cannot_be_read_is_as_good_as_absent_or_empty(write_run, content: bytes) -> None:
    run = write_run("compact_20260301_120000")
    (run / LABEL_NOISE).write_bytes(content)
    assert read_run(str(run)).get("t20_vs_noise") is None


def test_links_and_pipes_are_not_followed(write_run, tmp_path: Path) -> None:
    run = write_run("compact_20260301_120000")
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps(with_ratio(1.0)))
    (run / LABEL_NOISE).symlink_to(elsewhere)
    assert read_label_noise(str(run)) is None
    write_label_noise(str(run), with_ratio(2.0))
    assert json.loads(elsewhere.read_text()) == with_ratio(1.0), "the link is replaced, not written through"
    os.remove(run / LABEL_NOISE)
    os.mkfifo(run / LABEL_NOISE)
    assert read_label_noise(str(run)) is None
    with pytest.raises(RunLogError, match="cannot be written"):
        write_label_noise(str(run / "nowhere"), with_ratio(1.0))


def test_the_fields_sort_least_first_and_their_paths_are_known(write_run, experiments: Path) -> None:
    for second, ratio in enumerate((2.0, 1.0, None)):
        write_run(f"compact_20260301_12000{second}", {"label_noise": with_ratio(ratio)})
    records = scan(str(experiments))
    for field in FIELDS:
        assert query.direction(field, records) == ("min", True)
        assert query.resolve(f"label_noise.metrics.{field[:3]}.ratio", records) == field
    ordered = query.sort(records, "t20_vs_noise", descending=False)
    assert [record.get("t20_vs_noise") for record in ordered] == [1.0, 2.0, None]


def test_an_index_never_hides_a_file_that_came_later(write_run, experiments: Path, monkeypatch) -> None:
    monkeypatch.setattr("decaylab.runlog.index_table.DISTRUST_NS", 0)  # believe files that were just written
    count = index.WORTHWHILE + 5
    stored = {"label_noise": with_ratio(1.5)}
    runs = [write_run(f"compact_20260301_12{n // 60:02d}{n % 60:02d}", stored) for n in range(count)]

    def ratios() -> list[float]:
        records = index.scan(str(experiments), FIELDS)
        found = [record.get("t20_vs_noise") for record in records]
        assert not any(getattr(record, "_loaded", None) for record in records), "the record's ratio is a column"
        return found

    assert ratios() == [1.5] * count  # written
    assert ratios() == [1.5] * count  # read
    assert type(index.scan(str(experiments), FIELDS)[7]) is Glance
    write_label_noise(str(runs[7]), with_ratio(1.03))
    assert sorted(ratios())[:2] == [1.03, 1.5]
    os.remove(runs[7] / LABEL_NOISE)
    assert ratios() == [1.5] * count
