"""Fields, conditions, order, and naming a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.errors import InputError, RunLogError
from decaylab.runlog.find import find_run
from decaylab.runlog.query import direction, parse_condition, resolve, select, sort
from decaylab.runlog.record import Folder, Record
from decaylab.runlog.store import scan


def run(run_id: str, **metadata: object) -> Record:
    return Record(
        Folder("nowhere"), run_id, f"nowhere/{run_id}", {"metrics": {"overall_edc": {}}, **metadata}, "documented"
    )


RUNS = [
    run("a", training_config={"batch_size": 8}, loss_config={"loss_type": "mse"}, seed=1, timestamp="20260101_000000"),
    run("b", training_config={"batch_size": 16}, loss_config={"loss_type": "auxiliary"}, best_val_loss="Infinity"),
    run("c", precision_config={"precision": "bf16"}, timestamp="20260201_000000", flag=True, config={"depth": 3}),
]


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("batch_size=8", "a"),
        ("batch_size = 8.0", "a"),
        ("batch_size==8", "a"),
        ("batch_size!=8", "b"),
        ("batch_size<16", "a"),
        ("batch_size<=16", "ab"),
        ("batch>8", "b"),
        ("training_config.batch_size>=8", "ab"),
        ("batch_size=null", "c"),
        ("batch_size!=null", "ab"),
        ("loss_type=auxiliary", "b"),
        ("loss_type='auxiliary'", "b"),
        ("loss~AUX", "b"),
        ("loss_type!=mse", "b"),
        ("timestamp>=20260115", "c"),
        ("timestamp<20260115_000000", "a"),
        ("precision=bf16", "c"),
        ("precision<32", ""),
        ("best_val_loss>1e300", "b"),
        ("best_val_loss=inf", "b"),
        ("flag=true", "c"),
        ("flag=1", ""),
        ("depth=3", "c"),
        ("run_id~A", "a"),
        ("t20_mae<1", ""),
        ("seed=1_0", ""),
        ("loss_type='null'", ""),
    ],
)
def test_where(expression: str, ids: str) -> None:
    assert "".join(r.run_id for r in select(RUNS, [parse_condition(expression, RUNS)])) == ids


def test_several_conditions_mean_and() -> None:
    conditions = [parse_condition(text, RUNS) for text in ("batch_size>1", "loss_type~m")]
    assert [r.run_id for r in select(RUNS, conditions)] == ["a"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("batch_size", "no FIELD OP VALUE"),
        ("=8", "no FIELD OP VALUE"),
        ("batch_size=", "has no value"),
        ("batch_sise=8", "did you mean batch_size"),
        ("t20_mae<abc", "'abc' is not"),
        ("t20_mae<null", "use = or !="),
        ("__import__('os').system('true')=1", "unknown field"),
    ],
)
def test_mistakes_in_where(expression: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        parse_condition(expression, RUNS)


@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_an_input_error(text: str) -> None:
    try:
        condition = parse_condition(text, RUNS)
    except InputError:
        return
    select(RUNS, [condition])


@given(
    st.floats(allow_nan=False) | st.integers(),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    st.floats(allow_nan=False),
)
def test_numbers_compare_as_numbers(value: float, op: str, wanted: float) -> None:
    record = run("x", seed=value)
    holds = parse_condition(f"seed{op}{wanted!r}", [record]).holds(record)
    assert holds == {"=": value == wanted, "!=": value != wanted, "<": value < wanted, "<=": value <= wanted,
                     ">": value > wanted, ">=": value >= wanted}[op]  # fmt: skip


def test_fields_resolve() -> None:
    assert resolve("mae", RUNS) == resolve("metrics.overall_edc.mae", RUNS) == "edc_mae"
    assert resolve("depth", RUNS) == "config.depth"
    assert resolve("early_stopping_config.enabled", RUNS) == "early_stopping_config.enabled"
    with pytest.raises(InputError, match=r"did you mean t20_mae"):
        resolve("t20_mea", RUNS)
    with pytest.raises(InputError, match=r"unknown field 'no\.such'"):
        resolve("no.such", RUNS)


def test_sorting_puts_missing_last_in_both_directions() -> None:
    rows = [run("x", seed=2), run("y"), run("z", seed="text"), run("w", seed=1), run("n", seed="NaN")]
    assert [r.run_id for r in sort(rows, "seed", descending=False)] == ["w", "x", "z", "y", "n"]
    assert [r.run_id for r in sort(rows, "seed", descending=True)] == ["z", "x", "w", "y", "n"]


def test_equal_runs_keep_their_order() -> None:
    rows = [run(str(i), seed=i % 2) for i in range(6)]
    assert [r.run_id for r in sort(rows, "seed", descending=True)] == ["1", "3", "5", "0", "2", "4"]


def test_directions() -> None:
    own = [run("x", metrics={"overall_edc": {}, "accuracy": 0.9, "loss": 1}, metric_directions={"accuracy": "max"})]
    assert direction("t20_r2", own) == ("max", True)
    assert direction("batch_size", own) == (None, True)
    assert direction(resolve("accuracy", own), own) == ("max", True)
    assert direction(resolve("metrics.loss", own), own) == ("min", False)
    assert direction("metrics.t30.r2", own) == ("max", True)


class TestFindRun:
    @pytest.fixture
    def folder(self, write_run, experiments: Path) -> str:
        write_run("lstm_20260101_000000", {"metrics.t20.mae": 0.03})
        write_run("lstm_20260101_000000_2", {"metrics.t20.mae": 0.02})
        write_run("compact_20260201_000000", {"metrics.t20.mae": 0.04})
        return str(experiments)

    def named(self, folder: str, name: str) -> str:
        return find_run(folder, name).run_id

    def test_by_every_name(self, folder: str, monkeypatch) -> None:
        assert self.named(folder, "lstm_20260101_000000") == "lstm_20260101_000000"
        assert self.named(folder, "20260201_000000") == "compact_20260201_000000"
        assert self.named(folder, "comp") == "compact_20260201_000000"
        assert self.named(folder, "000_2") == "lstm_20260101_000000_2"
        assert self.named(folder, f"{folder}/compact_20260201_000000/") == "compact_20260201_000000"
        assert self.named(folder, "latest") == "compact_20260201_000000"
        monkeypatch.chdir(Path(folder) / "compact_20260201_000000")
        assert self.named(folder, ".") == "compact_20260201_000000"

    def test_candidates_when_not_unique(self, folder: str) -> None:
        for name in ("lstm", "20260101_000000"):
            with pytest.raises(RunLogError, match=r"not unique.*lstm_20260101_000000, lstm_20260101_000000_2"):
                find_run(folder, name)

    def test_near_misses_when_unknown(self, folder: str) -> None:
        with pytest.raises(RunLogError, match="did you mean compact_20260201_000000"):
            find_run(folder, "compact_20260201_000001")
        with pytest.raises(RunLogError, match="no run"):
            find_run(folder, "")

    def test_best_of_the_latest_completed_runs_kind(self, folder: str, write_run) -> None:
        write_run("other_20260301_000000", {"metrics.t20.mae": 0.001, "status": "failed"})
        write_run("old_20260102_000000", {"metrics.t20.mae": 0.002, "data_config.digest": "another"})
        write_run("pre_20260103_000000", {"metrics.t20.mae": 0.003, "metrics_definitions": "predecessor"})
        write_run("none_20260104_000000", {"metrics.t20.mae": None})
        said: list[str] = []
        assert find_run(folder, "best:t20_mae", said.append).run_id == "lstm_20260101_000000_2"
        assert len(said) == 1
        for part in ("1 not completed", "1 without t20_mae", "1 on another data set", "1 with metrics by other"):
            assert part in said[0]
        assert find_run(folder, "best:t20_r2").get("t20_r2") is not None

    def test_best_of_what_cannot_be_judged(self, folder: str, legacy_folder: Path) -> None:
        with pytest.raises(InputError, match="a setting has no best"):
            find_run(folder, "best:batch_size")
        with pytest.raises(RunLogError, match="without t20"):
            find_run(folder, "best:t20")
        with pytest.raises(InputError, match="unknown field"):
            find_run(folder, "best:t21_mea")

    def test_best_needs_a_completed_run(self, legacy_folder: Path) -> None:
        with pytest.raises(RunLogError, match="none of 12 runs is completed"):
            find_run(str(legacy_folder), "best:t20_mae")

    def test_latest_goes_by_the_utc_start(self, write_run, experiments: Path) -> None:
        # Clocks went back: the later run has the earlier local time.
        write_run("m_20261025_023000", {"started_utc": "2026-10-25T00:30:00.000Z"})
        write_run("m_20261025_021000", {"started_utc": "2026-10-25T01:10:00.000Z"})
        assert find_run(str(experiments), "latest").run_id == "m_20261025_021000"
        assert scan(str(experiments))[0].run_id == "m_20261025_021000"
