"""`decaylab parameters`, as a person and as a script uses it."""

import csv
import io
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from decaylab.acoustics import edc_from_rir, response_parameters, room_parameters
from decaylab.cli.main import main

KEYS = [
    "file", "measurement", "channel", "band", "sampling_rate", "onset_s", "edt", "t20", "t30", "curvature", "c50",
    "c80", "d50", "ts", "noise_db_below_peak", "truncation_s",
]  # fmt: skip
RATE = 48_000
TIME = np.arange(RATE) / RATE
MEASURED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "measured_rirs"
needs_measured = pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured responses are not there")

Capture = pytest.CaptureFixture[str]


def response(seed: int = 0, seconds: float = 0.5, noise: float = 1e-3, silence: int = 480) -> np.ndarray:
    dice = np.random.default_rng(seed)
    decay = dice.normal(size=RATE) * np.exp(-6.9078 * TIME / seconds) + noise * dice.normal(size=RATE)
    return np.concatenate([np.zeros(silence), decay])


def curve(seconds: float = 0.5) -> np.ndarray:
    return np.concatenate([np.ones(100), np.exp(-13.8155 * TIME / seconds)]).astype(np.float32)


def as_json(arguments: list[str], capfd: Capture) -> tuple[list[dict], str]:
    assert main(["parameters", *arguments, "--export", "json"]) == 0
    printed = capfd.readouterr()
    return json.loads(printed.out), printed.err


@pytest.fixture
def files(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder with a response, a curve and rows of curves, which is the current one."""
    np.save(tmp_path / "rir.npy", response())
    np.save(tmp_path / "edc.npy", curve())
    np.save(tmp_path / "rows.npy", np.stack([curve(0.3), curve(0.6)]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_records_of_a_response_per_band(files: pathlib.Path, capfd: Capture) -> None:
    found, said = as_json(["rir.npy", "--bands"], capfd)
    assert [list(record) for record in found] == [KEYS] * 9
    assert [record["band"] for record in found] == ["broadband", *(str(125 * 2**k) for k in range(8))]
    assert "rir.npy: 48000 Hz taken for the sampling rate" in said
    expected = response_parameters(response(), bands=[125.0 * 2**k for k in range(8)])
    for record, one in zip(found, expected, strict=True):
        assert (record["file"], record["measurement"], record["channel"]) == ("rir.npy", 0, 0)
        assert record["sampling_rate"] == 48_000
        assert record["onset_s"] == one.onset / RATE
        assert one.truncation is not None
        assert record["truncation_s"] == one.truncation / RATE
        assert record["noise_db_below_peak"] == one.noise_db_below_peak
        for name, value in one.values.items():
            assert record[name] == (None if np.isnan(value) else value)


def test_a_curve_is_told_by_its_shape(files: pathlib.Path, capfd: Capture) -> None:
    (record,), _ = as_json(["edc.npy"], capfd)
    expected = room_parameters(curve(), names=("edt", "t20", "t30", "c50", "d50", "ts", "curvature"))
    for name, value in expected.items():
        assert record[name] == value[0]
    assert record["t20"] == pytest.approx(0.5, rel=1e-4)
    assert record["onset_s"] == 99 / RATE or record["onset_s"] == pytest.approx(100 / RATE, abs=2 / RATE)
    assert record["noise_db_below_peak"] is None
    assert record["truncation_s"] is None
    rows, _ = as_json(["rows.npy"], capfd)
    assert [row["measurement"] for row in rows] == [0, 1]
    assert [row["t20"] for row in rows] == pytest.approx([0.3, 0.6], rel=1e-3)
    # Taken for a response, the same array is another: its square decays in half the time.
    (other,), _ = as_json(["edc.npy", "--kind", "rir"], capfd)
    assert other["t20"] == pytest.approx(0.25, rel=1e-3)


def test_options_reach_every_record(files: pathlib.Path, capfd: Capture) -> None:
    (record,), said = as_json(["edc.npy", "--sampling-rate", "24000", "--onset", "2000"], capfd)
    assert record["sampling_rate"] == 24_000
    assert record["onset_s"] == 2000 / 24_000
    assert record["t20"] == pytest.approx(1.0, rel=1e-4)
    assert said == ""
    (old,), _ = as_json(["edc.npy", "--definitions", "predecessor"], capfd)
    assert old["edt"] == pytest.approx(100 / RATE + 0.5 / 6, abs=2 / RATE)
    assert [old[name] for name in ("onset_s", "t30", "curvature", "c80", "d50", "ts")] == [None] * 6
    (of_response,), _ = as_json(["rir.npy", "--definitions", "predecessor"], capfd)
    edc = edc_from_rir(response())
    assert of_response["c50"] == pytest.approx(10 * np.log10(edc[:2400].sum() / edc[2400:].sum()))


def test_csv_and_files_are_the_same_records(files: pathlib.Path, capfd: Capture) -> None:
    found, _ = as_json(["rir.npy", "edc.npy"], capfd)
    assert main(["parameters", "rir.npy", "edc.npy", "--export", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert list(rows[0]) == KEYS
    for row, record in zip(rows, found, strict=True):
        for key in KEYS[4:]:
            assert (float(row[key]) if row[key] else None) == record[key]
    assert main(["parameters", "rir.npy", "edc.npy", "--output", "out.json"]) == 0
    printed = capfd.readouterr()
    assert json.loads((files / "out.json").read_text()) == found
    assert "written to out.json" in printed.err
    assert "broadband" in printed.out, "the table is still printed"
    assert main(["parameters", "rir.npy", "edc.npy", "--export", "json", "--output", "-"]) == 0
    assert json.loads(capfd.readouterr().out) == found


def test_the_table_says_what_it_shows(files: pathlib.Path, capfd: Capture) -> None:
    two_slopes = np.random.default_rng(0).normal(size=RATE) * np.sqrt(
        np.exp(-13.8 * TIME / 0.3) + 0.01 * np.exp(-13.8 * TIME / 1.0)
    )
    np.save("bent.npy", two_slopes)
    assert main(["parameters", "rir.npy", "bent.npy", "rows.npy"]) == 0
    out = capfd.readouterr().out
    assert "4 records of 3 files, 48000 Hz; ISO 3382-1 from the onset" in out
    assert "broadband: all that was recorded; not the single number" in out
    assert "noise subtracted, truncated where the decay meets it" in out
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith(("rir", "bent", "rows"))}
    assert "!" in lines["bent.npy"]
    assert "!" not in lines["rir.npy"]
    assert "! in 1 of 4: curvature above 10 %" in out
    assert main(["parameters", "rows.npy", "--definitions", "predecessor"]) == 0
    assert "predecessor definitions" in capfd.readouterr().out


def test_what_is_invalid_is_null_and_a_dash(files: pathlib.Path, capfd: Capture) -> None:
    np.save("cut.npy", np.random.default_rng(0).normal(size=96_000) * np.exp(-6.9078 * np.arange(96_000) / RATE / 7))
    (record,), _ = as_json(["cut.npy"], capfd)
    assert [record[name] for name in ("edt", "t20", "t30", "curvature")] == [None] * 4
    assert record["c50"] is not None
    assert main(["parameters", "cut.npy"]) == 0
    assert " - " in capfd.readouterr().out
    np.save("silent_tail.npy", np.concatenate([response(noise=0)[:24_000], np.zeros(50_000)]))
    records, _ = as_json(["silent_tail.npy", "--bands"], capfd)
    assert all(record["t20"] is not None for record in records)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["edc.npy", "--bands"], "edc.npy, measurement 0, channel 0: a decay curve has no bands"),
        (["rir.npy", "missing.wav"], "no file missing.wav"),
        (["rir.npy", "notes.txt"], "notes.txt is no table of numbers"),
        (["rir.npy", "broken.npy"], "broken.npy, measurement 0, channel 0: sample 7"),
        (["rir.npy", "broken.npy", "--kind", "edc"], "not finite"),
        (["silent.npy"], "silent.npy is silent"),
        (["rir.npy", "--onset", "99999999"], "onset must lie in the response"),
        (["edc.npy", "--onset", "99999999"], "onset must lie in the record"),
        (["rir.npy", "--onset", "-1"], "--onset: expected a whole number from 0, got '-1'"),
        (["rir.npy", "--sampling-rate", "0"], "expected 1 to 10000000 Hz"),
        (["rir.npy", "--sampling-rate", "nan"], "expected 1 to 10000000 Hz"),
        (["rir.npy", "--definitions", "predecessor", "--bands"], "leave out --bands"),
        (["rir.npy", "--definitions", "predecessor", "--onset", "3"], "leave out --onset"),
        (["rir.npy", "--output", "table.xlsx"], "does not tell the format"),
        (["rir.npy", "--output", "nowhere/out.csv"], "nowhere/out.csv"),
        (["rir.npy", "--export", "markdown"], "invalid choice"),
        ([], "required: FILE"),
    ],
)
def test_what_cannot_be_used_ends_in_one_line_and_writes_nothing(
    files: pathlib.Path, arguments: list[str], message: str, capfd: Capture
) -> None:
    (files / "notes.txt").write_text("a note\nand another\n")
    broken = response()
    broken[7] = np.nan
    np.save("broken.npy", broken)
    np.save("silent.npy", np.zeros(1000))
    before = sorted(files.iterdir())
    output = ["--output", "out.json"] if "--output" not in arguments and "--export" not in arguments else []
    assert main(["parameters", *arguments, *output]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    errors = [line for line in printed.err.splitlines() if line.startswith("decaylab: error:")]
    assert len(errors) == 1
    assert message in errors[0]
    if "nowhere" not in message:
        assert len(printed.err.splitlines()) == 1
    assert sorted(files.iterdir()) == before


def test_one_silent_channel_among_others_has_nulls(files: pathlib.Path, capfd: Capture) -> None:
    soundfile = pytest.importorskip("soundfile")
    soundfile.write("stereo.wav", np.stack([0.1 * response(), 0 * response()], axis=1), 44_100, subtype="FLOAT")
    found, said = as_json(["stereo.wav", "--bands"], capfd)
    assert [(record["channel"], record["band"]) for record in found][-1] == (1, "broadband")
    assert [record["sampling_rate"] for record in found] == [44_100] * len(found)
    assert found[-1]["c50"] is None
    assert "stereo.wav: measurement 0, channel 1 is silent" in said
    assert "stereo.wav: 16000 Hz left out" in said


def test_names_from_the_world_are_shown_not_obeyed(files: pathlib.Path, capfd: Capture) -> None:
    np.save("a\x1b[31m.npy", response())
    assert main(["parameters", "a\x1b[31m.npy"]) == 0
    printed = capfd.readouterr()
    assert "\x1b" not in printed.out + printed.err


def test_a_sofa_delay_moves_the_times_in_the_file(files: pathlib.Path, capfd: Capture) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.sofa", "w") as file:
        file.attrs.update({"Conventions": "SOFA", "SOFAConventions": "GeneralFIR", "DataType": "FIR"})
        file["Data.IR"], file["Data.SamplingRate"] = response()[None, None], np.array([48_000.0])
        file["Data.Delay"] = np.array([[4800.0]])
    (delayed,), said = as_json(["a.sofa"], capfd)
    (plain,), _ = as_json(["rir.npy"], capfd)
    assert "Data.Delay is added" in said
    for name in ("onset_s", "truncation_s"):
        assert delayed[name] == pytest.approx(plain[name] + 0.1)
    assert delayed["t20"] == plain["t20"]


@needs_measured
def test_a_sofa_file_of_ears(capfd: Capture) -> None:
    pytest.importorskip("h5py")
    found, said = as_json([str(MEASURED / "UniS_Room_A_BRIR_16k.sofa"), "--bands"], capfd)
    assert len(found) == 37 * 2 * 7
    assert (found[-1]["measurement"], found[-1]["channel"], found[-1]["band"]) == (36, 1, "4000")
    assert "8000, 16000 Hz left out" in said
    assert "binaural" in said
    broadband = [record for record in found if record["band"] == "broadband"]
    assert np.mean([record["c50"] for record in broadband]) == pytest.approx(15.95, abs=0.02)


def test_the_program_prints_json_alone_on_stdout(files: pathlib.Path) -> None:
    command = [sys.executable, "-m", "decaylab.cli.main", "parameters", "rir.npy", "--export", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[0]["band"] == "broadband"
