"""Completion in the shells themselves: what is offered, and that no name of a run is ever obeyed."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.cli import completion, completion_words
from decaylab.cli.main import COMMANDS, main

RUNS = ["compact_20260122_020157", "compact_20260122_030000_2", "hybrid_v2_20260122_020157"]
#: A folder whose name a careless script would obey, in each of the ways that shells have.
HOSTILE = "a$(touch pwned)`touch pwned`;touch pwned&|<>'\"\\ *?[x]{1,2}~!#_20260101_000000"


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the user stands: runs, folders that are none, a second experiments folder."""
    for name in (*RUNS, "lightning_logs", ".decaylab", "my best attempt"):
        (tmp_path / "experiments" / name).mkdir(parents=True)
    (tmp_path / "experiments" / "my best attempt" / "metadata.json").touch()
    (tmp_path / "experiments" / "NOTES_20260101_000000.md").touch()
    (tmp_path / "other runs" / "lstm_20260301_000000").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    return tmp_path


def offered_by_bash(line: str, home: Path) -> list[str]:
    """COMPREPLY for a line with the cursor at its end; the program itself is out of reach."""
    words = re.findall(r"[:=]+|(?:[^\s:=\"'\\]|\\.|\"[^\"]*\"|'[^']*')+", line) + ([""] if line.endswith(" ") else [])
    ask = "\n".join(
        [
            completion.script("bash"),
            f"COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_CWORD={len(words) - 1}",
            f"COMP_WORDS=({' '.join(map(shlex.quote, words))})",
            "before=$(shopt; set -o)",
            "_decaylab",
            '[[ "$before" == "$(shopt; set -o)" ]] || echo "the options of the shell were changed" >&2',
            r"""printf '%s\0' "${COMPREPLY[@]}" """,
        ]
    )
    environment = {"PATH": str(home / "empty"), "HOME": str(home)}
    bash = shutil.which("bash") or "bash"
    done = subprocess.run(
        [bash, "--norc", "--noprofile"], input=ask, cwd=home, env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    return [word for word in done.stdout.split("\0") if word]


def offered_by_fish(line: str, home: Path) -> list[str]:
    ask = f"{completion.script('fish')}\ncomplete -C {shlex.quote(line)}\n"
    done = subprocess.run(
        ["fish", "--no-config"], input=ask, cwd=home, env={**os.environ, "HOME": str(home)}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stderr == ""
    return [candidate.split("\t")[0] for candidate in done.stdout.splitlines()]


LINES = [
    ("decaylab sho", ["show"]),
    ("decaylab ", [*COMMANDS, "--help", "--version"]),
    ("decaylab compare --sort-by t20_m", ["t20_mae"]),
    ("decaylab compare --where t20_m", ["t20_mae"]),
    ("decaylab prune --by t20_m", ["t20_mae"]),
    ("decaylab compare --columns model,t20_m", ["model,t20_mae"]),
    ("decaylab compare --group-by t20_m", ["t20_mae"]),
    ("decaylab compare --export ", ["csv", "json", "markdown"]),
    ("decaylab compare --asc", ["--ascending"]),
    ("decaylab train --model ", list(MODELS)),
    ("decaylab train --pin-memory --loss ", list(LOSSES)),
    ("decaylab train --schedule one", ["onecycle"]),
    ("decaylab completion ", ["bash", "zsh", "fish"]),
    ("decaylab show comp", RUNS[:2]),
    ("decaylab show --experiments experiments comp", RUNS[:2]),
    ("decaylab diff comp", RUNS[:2]),
    ("decaylab diff latest compact_20260122_030000_2 hyb", RUNS[2:]),
    ("decaylab show lat", ["latest"]),
    ("decaylab show be", ["best:"]),
    ("decaylab show --experiments nowhere ", ["latest", "best:"]),
    ("decaylab show --experiments empty ", ["latest", "best:"]),
    ("decaylab unknown ", []),
    ("decaylab unknown --opt", []),
]


@pytest.mark.parametrize(("line", "offered"), LINES)
def test_bash(line: str, offered: list[str], home: Path) -> None:
    assert sorted(offered_by_bash(line, home)) == sorted(offered)


@pytest.mark.parametrize(("line", "offered"), LINES)
def test_fish(line: str, offered: list[str], home: Path) -> None:
    needs("fish")
    if line.startswith("decaylab unknown "):
        offered = []
    assert sorted(offered_by_fish(line, home)) == sorted(offered)


def test_fish_knows_which_options_take_a_value() -> None:
    """Its script skips the word after such an option whatever the command is."""
    kinds: dict[str, set[bool]] = {}
    for command in completion_words.commands():
        for option in command.options:
            kinds.setdefault(option.name, set()).add(option.value.kind == "flag")
    assert {name for name, flags in kinds.items() if len(flags) > 1} == set()


def test_every_run_and_no_other_folder(home: Path) -> None:
    assert offered_by_bash("decaylab show ", home) == ["latest", "best:", *RUNS, r"my\ best\ attempt"]
    assert r"my\ best\ attempt" in offered_by_bash("decaylab show my\\ b", home)


@pytest.mark.parametrize("folder", ["'other runs'", '"other runs"', r"other\ runs", "~/other\\ runs"])
def test_the_folder_that_was_named(folder: str, home: Path) -> None:
    assert offered_by_bash(f"decaylab show --experiments {folder} ls", home) == ["lstm_20260301_000000"]
    assert offered_by_bash(f"decaylab show --experiments={folder} ls", home) == ["lstm_20260301_000000"]


def test_what_bash_takes_apart(home: Path) -> None:
    """bash gives `best:t20_m` in three words and replaces the last one only."""
    assert offered_by_bash("decaylab show best:t20_m", home) == ["t20_mae"]
    assert "t20_mae" in offered_by_bash("decaylab show best:", home)
    assert "model" not in offered_by_bash("decaylab show best:", home), "a setting has no best"
    assert offered_by_bash("decaylab compare --sort-by=t20_m", home) == ["t20_mae"]
    assert offered_by_bash("decaylab compare --where status=completed --sort-by t20_m", home) == ["t20_mae"]
    assert offered_by_bash("decaylab tag best:t20_mae ", home) == []


def test_fish_after_an_equals_sign_and_a_colon(home: Path) -> None:
    needs("fish")
    assert offered_by_fish("decaylab show best:t20_m", home) == ["best:t20_mae"]
    assert offered_by_fish("decaylab compare --sort-by=t20_m", home) == ["--sort-by=t20_mae"]
    assert offered_by_fish("decaylab show --experiments 'other runs' ls", home) == ["lstm_20260301_000000"]
    assert "empty/" in offered_by_fish("decaylab compare em", home)
    assert offered_by_fish("decaylab train --from=best:t20_m", home) == ["--from=best:t20_mae"]
    assert offered_by_fish("decaylab noise --run=experiments/hyb", home) == [f"--run=experiments/{RUNS[2]}/"]


@pytest.mark.parametrize("options", ["set -f", "shopt -s failglob", "shopt -s nullglob dotglob", "set -u", "IFS=0_"])
def test_whatever_the_options_of_the_shell(options: str, home: Path, monkeypatch) -> None:
    script = completion.script
    monkeypatch.setattr(completion, "script", lambda shell: f"{script(shell)}\n{options}")
    assert offered_by_bash("decaylab show comp", home) == RUNS[:2]
    assert offered_by_bash("decaylab show --experiments empty ", home) == ["latest", "best:"]
    assert offered_by_bash("decaylab ", home) == [*COMMANDS, "--help", "--version"]


@pytest.mark.parametrize("name", [HOSTILE.replace("/", ""), "new\nline_20260101_000000", "\x1b[31m_20260101_000000"])
def test_a_name_that_bash_would_obey_is_quoted(name: str, home: Path) -> None:
    (home / "experiments" / name).mkdir()
    (word,) = set(offered_by_bash("decaylab show ", home)) - {"latest", "best:", *RUNS, r"my\ best\ attempt"}
    assert word.isprintable()
    typed = subprocess.run(["bash", "-c", f"printf %s {word}"], cwd=home, capture_output=True, text=True)
    assert typed.stdout == name
    assert not (home / "pwned").exists()


class Terminal:
    """A shell on a terminal, in which `decaylab` shows what it was called with."""

    STARTS = {  # noqa: RUF012
        "bash": ["bash", "--norc", "--noprofile", "-i"],
        "zsh": ["zsh", "-f", "-i"],
        "fish": ["fish", "--no-config", "-i"],
    }
    SHOWS = {  # noqa: RUF012
        "bash": "decaylab() { printf '<<%s>>' \"$@\"; echo; }",
        "zsh": "decaylab() { printf '<<%s>>' \"$@\"; echo; }",
        "fish": "function decaylab; printf '<<%s>>' $argv; echo; end",
    }

    def __init__(self, shell: str, home: Path) -> None:
        (home / "rc").write_text(
            ("autoload -Uz compinit; compinit -D -u\n" if shell == "zsh" else "")
            + f"{completion.script(shell)}\n{self.SHOWS[shell]}\n"
        )
        environment = {**os.environ, "HOME": str(home), "TERM": "dumb", "PS1": "> ", "ZDOTDIR": str(home)}
        self.process, self.controller = pty.fork()  # the terminal is the shell's own, without which fish does not start
        if self.process == 0:
            os.chdir(home)
            os.execvpe(shell, self.STARTS[shell], environment)
        self.enter("source rc; echo rea''dy\r", "ready")

    def enter(self, text: str, awaited: str) -> str:
        """Type `text` and read until `awaited` is shown."""
        os.write(self.controller, text.encode())
        shown, end = "", time.monotonic() + 30
        while awaited not in shown and time.monotonic() < end:
            if select.select([self.controller], [], [], 0.2)[0]:
                shown += os.read(self.controller, 65536).decode("utf-8", "replace")
        assert awaited in shown, shown
        return shown

    def close(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.controller)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_in_a_shell_on_a_terminal(shell: str, home: Path) -> None:
    needs(shell)
    (home / "experiments" / HOSTILE).mkdir()
    terminal = Terminal(shell, home)
    try:
        for typed, words in [
            ("decaylab sho\thyb\t--comm\t", ["show", RUNS[2], "--command"]),
            ("decaylab show best:t20_ma\t", ["show", "best:t20_mae"]),
            ("decaylab compare --columns model,t20_ma\t", ["compare", "--columns", "model,t20_mae"]),
            ("decaylab compare --sort-by=edt_ma\t", ["compare", "--sort-by=edt_mae"]),
            ("decaylab show --experiments other\\ runs ls\t", ["show", "--experiments", "other runs", RUNS_OF_OTHER]),
            ("decaylab show --experiments='other runs' ls\t", ["show", "--experiments=other runs", RUNS_OF_OTHER]),
            ("decaylab show --experiments 'other runs' ls\t", ["show", "--experiments", "other runs", RUNS_OF_OTHER]),
            (
                "decaylab show --experiments ~/other\\ runs ls\t",
                ["show", "--experiments", f"{home}/other runs", RUNS_OF_OTHER],
            ),
            ("decaylab diff latest hyb\t", ["diff", "latest", RUNS[2]]),
            ("decaylab train --pin-memory --loss ms\t", ["train", "--pin-memory", "--loss", "mse"]),
            ("decaylab compare --top 3 --sort-by t20_ma\t", ["compare", "--top", "3", "--sort-by", "t20_mae"]),
            ("decaylab show my\t", ["show", "my best attempt"]),
            ("decaylab show a\t", ["show", HOSTILE]),
            ("decaylab show experiments/hyb\t", ["show", f"experiments/{RUNS[2]}"]),
        ]:
            # zsh takes a slash away that it put at the end, and the others leave it there.
            terminal.enter(f"{typed}\r", "".join(f"<<{word}>>" for word in words).removesuffix(">>"))
    finally:
        terminal.close()
    assert not (home / "pwned").exists()


RUNS_OF_OTHER = "lstm_20260301_000000"


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_command_prints_the_script(shell: str, capsys) -> None:
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == completion.script(shell)


def test_every_command_has_an_example_line_in_each_script() -> None:
    assert [command.name for command in completion_words.commands()] == list(COMMANDS)
    for command in completion_words.commands():
        for option in command.options:
            assert option.value.kind != "words" or option.value.words, option
