"""The benchmarks run. Their figures are not judged here: a loaded machine must not fail a test."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def test_the_cost_of_logging_is_printed_beside_its_peers():
    command = [sys.executable, str(ROOT / "benchmarks" / "logging_cost.py"), "--calls", "200"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    for row in ("os.write", "run.log", "SummaryWriter", "goal"):
        assert row in done.stdout


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_small_large_store_is_scaled_trained_on_and_scored(tmp_path):
    script = str(ROOT / "benchmarks" / "large_store.py")
    options = ["--dir", str(tmp_path), "--limit", "40", "--jobs", "robust,compact,evaluate"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    for row in ("40 rooms", "scaler robust", "compact", "test rooms (evaluate): 8", "goal"):
        assert row in done.stdout
    assert list(tmp_path.iterdir()) == []
    refused = subprocess.run(
        [sys.executable, script, "--dir", str(tmp_path), "--limit", str(10**9)], capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "GB are needed" in refused.stderr


def test_parameters_are_timed_against_reading_and_pyrato():
    command = [sys.executable, str(ROOT / "benchmarks" / "parameters_speed.py")]
    command += ["--curves", "6", "--peer-curves", "2", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    for row in ("6 curves of 96,000", "numpy.load", "EDT, T20 and C50", "pyrato", "goal"):
        assert row in done.stdout


def test_parameters_are_compared_with_their_peers_per_band():
    pytest.importorskip("pyrato")
    pytest.importorskip("pyroomacoustics")
    command = [sys.executable, str(ROOT / "benchmarks" / "parameters_peers.py"), "--simulated", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    for row in ("| broadband |", "| 16000 |", "| 0.5 and 1.5 s | -40 |", "goal"):
        assert row in done.stdout


@pytest.mark.heavy
def test_simulating_is_measured_against_a_plain_loop_of_the_library():
    script = str(ROOT / "benchmarks" / "simulation_speed.py")
    options = ["--limit", "2", "--rays", "200", "--scaling", "3", "--jobs", "1,2"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    for row in ("2 rooms, 200 rays, one core", "pyroomacoustics in a loop", "decaylab, own builder", "2 jobs", "goal"):
        assert row in done.stdout


@pytest.mark.heavy
def test_predicting_is_measured_against_simulating():
    script = str(ROOT / "benchmarks" / "prediction_speed.py")
    options = ["--limit", "4", "--rays", "200"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    rows = ("4 rooms, 200 rays", "pyroomacoustics in a loop", "builder", "predicted parameters", "predicted curves")
    for row in (*rows, "goal"):
        assert row in done.stdout


@pytest.mark.heavy
def test_a_model_is_held_against_the_formulas():
    script = str(ROOT / "benchmarks" / "formulas.py")
    options = ["--limit", "6", "--rays", "500"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    for row in ("6 rooms, compact", "t20  model", "t20  sabine", "c50  eyring", "c50  physics", "goal"):
        assert row in done.stdout


@pytest.mark.heavy
def test_responses_are_held_against_simulations_band_by_band():
    script = str(ROOT / "benchmarks" / "rir_bands.py")
    options = ["--limit", "2", "--rays", "200"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    for row in ("2 rooms, 200 rays", "broadband", "16000", "all bands", "goal"):
        assert row in done.stdout


@pytest.mark.heavy
def test_the_builders_are_held_against_each_other():
    script = str(ROOT / "benchmarks" / "builder_agreement.py")
    options = ["--limit", "2", "--rays", "200", "--jobs", "1"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    for row in ("2 rooms", "| T20 s (2) |", "| EDT s", "| C50 dB", "| EDC", "goal"):
        assert row in done.stdout


@pytest.mark.heavy
def test_accuracy_is_put_beside_physics_alone_and_the_labels_own_errors(tmp_path):
    header = "ID,Length,Width,Height,Source_X,Source_Y,Source_Z,Receiver_X,Receiver_Y,Receiver_Z,f1,f2,f3,f4,f5,f6,f7"
    rooms = [f"r{n},{4 + n / 10:.1f},4,3,1,1,1.5,3,2.5,1.5,{','.join([f'{0.2 + n / 50:.2f}'] * 7)}" for n in range(20)]
    (tmp_path / "rooms.csv").write_text("\n".join([header, *rooms]) + "\n")
    command = [sys.executable, str(ROOT / "benchmarks" / "accuracy.py"), "--rooms", str(tmp_path / "rooms.csv")]
    command += ["--dir", str(tmp_path / "made"), "--seeds", "1", "--rays", "300", "--epochs", "1"]
    command += ["--realisations", "2"]
    first = subprocess.run([*command, "--limit", "12", "--only", "random"], capture_output=True, text=True, timeout=900)
    assert first.returncode == 0, first.stderr
    assert "| mean of 2, 2 rooms |" in first.stdout
    command += ["--limit", "20", "--only", "random,room,material", "--growth", str(tmp_path / "growth.png")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    # What was made of 12 rooms is not taken for what 20 give.
    rows = ("| random | mean of 2, 4 rooms |", "`compact_traced`", "physics alone", "the labels' own", "trained on")
    folds = ("| room | published preset, 20 rooms |", "| material | mean of 2, 20 rooms |", "| its 5 folds | ")
    for row in (*rows, *folds, "boosted trees", "`compact` over physics"):
        assert row in done.stdout
    assert (tmp_path / "growth.png").stat().st_size > 1000
    run = next((tmp_path / "made" / "experiments").glob("compact_2*"))
    command = [sys.executable, str(ROOT / "benchmarks" / "out_of_range.py"), str(run)]
    command += ["--limit", "2", "--orders", "1", "--deep", "5", "--rays", "200", "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for row in ("| ordinary: 30 to 90 m3 | ", "| distance 6 to 12 m | 2 of 2 |", "| bands 0.05 to 0.9"):
        assert row in done.stdout


@pytest.mark.parametrize("wrong", [("--only", "rooms"), ("--models", "lstm"), ("--seeds", "0"), ("--limit", "0")])
def test_accuracy_refuses_before_it_simulates(wrong, tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "accuracy.py"), "--rooms", "none.csv", "--dir", str(tmp_path)]
    done = subprocess.run([*command, *wrong], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert wrong[0] in done.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.heavy
def test_the_growth_of_a_table_is_printed():
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), "--runs", "20", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "| 20 |" in done.stdout


@pytest.mark.heavy
def test_a_training_step_is_timed_beside_its_predecessors():
    script = str(ROOT / "benchmarks" / "training_speed.py")
    options = ["--rounds", "1", "--steps", "2", "--rooms", "30", "--width", "16"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    for row in ("16 units before the output", "predecessor", "median of 2", "waiting for a batch", "goal"):
        assert row in done.stdout


def test_the_guard_is_judged_by_recorded_histories():
    command = [sys.executable, str(ROOT / "benchmarks" / "guard_rates.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    for row in ("stopped by mistake", "| all |", "hours saved"):
        assert row in done.stdout


@pytest.mark.heavy
def test_histories_for_the_guard_are_trained_and_gone_on_with(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "guard_rates.py"), "--make", str(tmp_path / "h.json")]
    command += ["--limit", "3", "--rooms", "12", "--epochs", "2"]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert "12 rooms" in done.stdout
    assert ":" not in done.stderr, "the second call finds all of them made"


@pytest.mark.heavy
def test_the_estimate_is_put_beside_what_a_training_took():
    command = [sys.executable, str(ROOT / "benchmarks" / "preflight_estimate.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    for row in ("| compact, decay |", "own curve model", "took"):
        assert row in done.stdout


@pytest.mark.heavy
def test_the_share_of_figures_in_a_training_is_printed():
    pytest.importorskip("matplotlib")
    command = [sys.executable, str(ROOT / "benchmarks" / "figure_share.py"), "--epochs", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    for row in ("compact, 10 epochs", "share of the fit %", "goal"):
        assert row in done.stdout
    drawn = {
        line[:22].strip(): int(line[22:].split()[0]) for line in done.stdout.splitlines() if line[:2] in ("by", "of")
    }
    assert drawn["of every epoch"] >= 8, "a figure of each epoch, unless they are left out"
    assert drawn["by the rule"] < drawn["of every epoch"], "on so short a training the rule leaves figures out"


@pytest.mark.heavy
def test_the_share_of_the_validation_rooms_metrics_is_printed():
    command = [sys.executable, str(ROOT / "benchmarks" / "validation_share.py"), "--epochs", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scoring 8 validation rooms" in done.stdout
    assert "goal (at most 5 %): reached" in done.stdout


@pytest.mark.heavy
def test_bad_and_good_runs_are_made_and_judged():
    command = [sys.executable, str(ROOT / "benchmarks" / "bad_runs.py"), "--limit", "20"]
    done = subprocess.run([*command, "--only", "wrong join; compact"], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| wrong join |")]
    assert len(rows) == 1
    assert rows[0].endswith("| `wrong_join`, severe | `wrong_join`, severe | yes |")
    named = "of these 1 are named by the first finding alone, 1 beside all others"
    for row in ("| compact | ", "1 of 1 bad runs", named, "0 severe findings on 1 good runs"):
        assert row in done.stdout
    refused = subprocess.run([*command, "--only", "nonesuch"], capture_output=True, text=True)
    assert "no run is called nonesuch" in refused.stderr
    assert refused.returncode == 1
