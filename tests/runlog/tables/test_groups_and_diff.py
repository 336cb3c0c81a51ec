"""Repeated runs as groups, differences between runs, and one run whole."""

from __future__ import annotations

import math
import re
import statistics
from pathlib import Path

import pytest

from decaylab.runlog.store import scan
from decaylab.runlog.tables import diff, groups, show
from decaylab.runlog.tables.compare import Look, Order

DURATION = Order("duration", False)


class TestGroups:
    @pytest.fixture
    def repeated(self, write_run, experiments: Path):
        values = {
            "fast": (0.010, 0.011, 0.012),
            "slow": (0.020, 0.021, 0.022),
            "near": (0.0110, 0.0115, 0.0130),
            "once": (0.5,),
        }
        second = 0
        for model, maes in values.items():
            for mae in maes:
                write_run(f"{model}_20260101_0000{second:02d}", {"metrics.t20.mae": mae})
                second += 1
        return values

    def test_mean_spread_and_count(self, repeated, experiments: Path) -> None:
        found = groups.group(scan(str(experiments)), ["model"])
        names, rows = groups.rows_of(found, ["model"], ["t20_mae"])
        assert names[:5] == ["model", "runs", "t20_mae", "t20_mae_std", "t20_mae_n"]
        for row in rows:
            maes = repeated[row[0]]
            assert row[2] == pytest.approx(statistics.mean(maes))
            assert row[3] == (pytest.approx(statistics.stdev(maes)) if len(maes) > 1 else None)
            assert row[1] == row[4] == len(maes)

    def test_clear_or_within_the_spread(self, repeated, experiments: Path) -> None:
        found = groups.group(scan(str(experiments)), ["model"])
        text = "\n".join(groups.table(found, ["model"], "x", Order("t20_mae", False), Look()))
        assert (
            "t20_mae: best is model=fast: clear against model=slow; within the spread against model=near; too few"
            in text
        )

    def test_the_rule(self) -> None:
        a, b = groups.Summary(1.0, 0.3, 4), groups.Summary(1.5, 0.4, 4)
        assert 2 * math.sqrt(0.09 / 4 + 0.16 / 4) == pytest.approx(0.5)
        assert groups.is_clear(a, b._replace(mean=1.49)) is False
        assert groups.is_clear(a, b._replace(mean=1.51)) is True
        assert groups.is_clear(a, b._replace(std=None, n=1)) is None

    def test_other_test_sets_are_never_pooled(self, write_run, experiments: Path) -> None:
        write_run("m_20260101_000000")
        write_run("m_20260101_000001", {"data_config.digest": "sha256:other"})
        write_run("m_20260101_000002", {"metrics_definitions": None})
        write_run("m_20260101_000003", {"data_config.split_seed": 7})
        write_run("m_20260101_000004")
        found = groups.group(scan(str(experiments)), ["model"])
        assert [len(item.runs) for item in found] == [2, 1, 1, 1]
        text = "\n".join(groups.table(found, ["model"], "x", DURATION, Look()))
        assert "best is" not in text
        assert "same letter" in text

    def test_where_there_are_several_test_sets_a_verdict_names_its_own(self, write_run, experiments: Path) -> None:
        for second, (model, digest, mae) in enumerate(
            [("a", "one", 0.01), ("b", "one", 0.02), ("a", "two", 0.04), ("b", "two", 0.03)]
        ):
            changes = {"data_config.digest": f"sha256:{digest}", "metrics.t20.mae": mae}
            write_run(f"{model}_20260101_00000{second}", changes)
        found = groups.group(scan(str(experiments)), ["model"])
        text = "\n".join(groups.table(found, ["model"], "x", Order("t20_mae", False), Look()))
        assert "t20_mae: best in set A is model=a: too few runs to tell against model=b" in text
        assert "t20_mae: best in set B is model=b: too few runs to tell against model=a" in text

    def test_a_number_and_its_text_are_two_groups(self, write_run, experiments: Path) -> None:
        write_run("m_20260101_000000", {"precision_config.precision": 16})
        write_run("m_20260101_000001", {"precision_config.precision": "16"})
        assert len(groups.group(scan(str(experiments)), ["precision"])) == 2


class TestDiffAndShow:
    def test_settings_apart_from_results(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000", {"environment.host": "x"})
        write_run("b_20260101_000001", {"training_config.batch_size": 8, "metrics.t20.mae": 0.7264521})
        found = diff.differences(scan(str(experiments)))
        assert [path for path, _ in found.settings] == ["model_name", "training_config.batch_size"]
        assert found.results == [("metrics.t20.mae", [0.726452, 0.7264521])]
        assert [path for path, _ in found.surroundings] == ["environment.host"]
        assert "0.7264521" in "\n".join(diff.table(scan(str(experiments))))

    def test_absent_and_null_are_the_same(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000", {"seed": None})
        write_run("a_20260101_000001")
        assert diff.table(scan(str(experiments))) == ["no difference in settings or results"]

    def test_runs_on_other_rows_are_marked(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000")
        write_run("b_20260101_000001", {"data_config.digest": "other"})
        assert diff.table(scan(str(experiments)))[0].startswith("not comparable")

    def test_show_names_everything(self, legacy_folder: Path) -> None:
        for record in scan(str(legacy_folder)):
            text = "\n".join(show.lines(record))
            assert record.run_id in text
            assert all(problem in text for problem in record.problems)
        documented = next(record for record in scan(str(legacy_folder)) if record.raw == "documented")
        text = "\n".join(show.lines(documented))
        assert re.search(r"t20_mae +0\.7265 no", text)
        assert re.search(r"training_duration_minutes +26564", text)
