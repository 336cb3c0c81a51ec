"""The table of commands: help, mistakes in one line, exit statuses."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from decaylab import __version__
from decaylab.cli import main as program
from decaylab.cli.main import COMMANDS, main


def test_overview_names_every_command(capsys) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == shown


def test_version(capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"decaylab {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_shows_an_example(name: str, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    module = importlib.import_module(f"decaylab.cli.{name}")
    assert module.EXAMPLE.splitlines()[0] in shown
    assert COMMANDS[name] in shown


@pytest.mark.parametrize(
    ("argv", "extra"),
    [
        (["train", "--data", "."], "train"),
        (["preflight", "--data", "."], "train"),
        (["resume", "latest"], "train"),
        (["reproduce", "latest"], "train"),
        (["export", "latest"], "export"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(argv, extra, experiments: Path, write_run, monkeypatch) -> None:
    write_run("compact_20260301_120000")
    monkeypatch.chdir(experiments.parent)
    hide = "import sys; sys.modules['torch'] = None; from decaylab.cli.main import console; sys.exit(console())"
    done = subprocess.run([sys.executable, "-c", hide, *argv], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"decaylab: error: decaylab {argv[0]} needs the package 'torch'")
    assert done.stderr.endswith(f"pip install 'decaylab[{extra}]'\n")
    assert done.stderr.count("\n") == 1


def test_a_module_of_our_own_that_is_missing_is_no_missing_extra(monkeypatch) -> None:
    def run(args: object) -> int:
        raise ModuleNotFoundError("No module named 'decaylab.gone'", name="decaylab.gone")

    monkeypatch.setattr("decaylab.cli.resume.run", run)
    with pytest.raises(ModuleNotFoundError):
        main(["resume", "latest"])


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["comparre"], "unknown command 'comparre': did you mean compare?"),
        (["--verbose"], "unknown option '--verbose'"),
        (["compare", "--sort-bye", "t20_mae"], "did you mean --sort-by"),
        (["compare", "--top", "none"], "expected a whole number from 1, got 'none'"),
        (["compare", "--top", "0"], "expected a whole number from 1"),
        (["compare", "--ascending", "--descending"], "not allowed with"),
        (["compare", "/does/not/exist"], "no experiments folder '/does/not/exist'"),
        (["show"], "RUN"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(argv: list[str], said: str, capsys) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("decaylab: error: ")
    assert err.count("\n") == 1
    assert said in err


def test_options_cannot_be_abbreviated(experiments: Path, capsys) -> None:
    assert main(["compare", str(experiments), "--asc"]) == 2


def test_errors_show_control_characters(capsys) -> None:
    assert main(["compare", "no\x1b[31m\x9bfolder"]) == 2
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert r"\x1b[31m" in shown


@pytest.mark.parametrize(("raised", "status", "said"), [(KeyboardInterrupt(), 130, "decaylab: interrupted\n")])
def test_interruption(monkeypatch, raised: BaseException, status: int, said: str, capsys) -> None:
    def interrupt(argv: list[str]) -> int:
        raise raised

    monkeypatch.setattr(program, "_dispatch", interrupt)
    assert main(["compare"]) == status
    assert capsys.readouterr().err == said


def test_what_the_system_refuses_is_one_line(monkeypatch, capsys) -> None:
    def refuse(argv: list[str]) -> int:
        raise OSError(28, "No space left on device", "some/file")

    monkeypatch.setattr(program, "_dispatch", refuse)
    assert main(["compare"]) == 2
    assert capsys.readouterr().err == "decaylab: error: No space left on device: some/file\n"


def test_a_reader_that_goes_away_is_no_error(write_run, experiments: Path) -> None:
    for second in range(40):
        write_run(f"compact_20260301_1200{second:02d}", {"config.padding": "x" * 3000})
    command = [sys.executable, "-m", "decaylab.cli.main", "compare", str(experiments), "--columns", "config.padding"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (141, -signal.SIGPIPE)


def test_a_name_that_the_terminal_cannot_write_is_escaped(write_run, experiments: Path) -> None:
    write_run("compact_20260301_120000")
    (experiments / "NOTES.md").write_text("20260301_120000 - schön\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "decaylab.cli.main", "compare", str(experiments)], capture_output=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert rb"sch\xf6n" in done.stdout


def test_streams_that_the_caller_closed(write_run, experiments):
    write_run("compact_20260301_120000")
    program = f"{sys.executable} -m decaylab.cli.main"
    for command in (f"compare {experiments}", f"verify {experiments}", "--help"):
        done = subprocess.run(["sh", "-c", f"{program} {command} >&-"], capture_output=True, text=True)
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or command.startswith("verify")
    done = subprocess.run(["sh", "-c", f"{program} compare /nowhere 2>&-"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
