"""The program `decaylab`: a table of commands, each in a file of its own that is imported when it is called.

Exit status: 0 done; 1 what was asked for does not hold; 2 bad input or usage, in one line; 130 interrupted;
141 when the reader of stdout went away, as for any program in a pipe.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from decaylab import __version__
from decaylab.errors import DecaylabError, InputError, MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

    from decaylab.cli.parser import CommandParser

#: Every command that exists, with its line in `decaylab --help` and in its own. Command NAME is `decaylab.cli.NAME`, a
#: module with `EXAMPLE`, `add_arguments(parser)` and `run(args) -> int`.
COMMANDS: dict[str, str] = {
    "simulate": "simulate rooms into a data set of energy decay curves",
    "noise": "measure the noise of a data set's labels, and a run's errors over it",
    "data": "check a data set, or write it in the published layout",
    "preflight": "say how long a training will take, and what in it is known to fail",
    "train": "train a model, evaluate its best checkpoint, record the run",
    "predict": "predict the decay of new rooms: parameters with intervals, curves, impulse responses",
    "export": "write a trained model as an ONNX file",
    "parameters": "EDT, T20, T30, C50, C80, D50, Ts of impulse responses and decay curves",
    "compare": "show the runs of an experiments folder as a table",
    "watch": "follow the runs in progress in the terminal",
    "resume": "go on with a run that was killed or interrupted, from its last checkpoint",
    "reproduce": "train again from a record, and say whether the metrics agree",
    "show": "show one run, whole",
    "diff": "show what differs between runs, settings apart from results",
    "evaluate": "compute a run's metrics again, from the curves that it stored",
    "verify": "check that records agree with themselves, their files and the format",
    "diagnose": "say what is wrong with a run, why, and what to run next",
    "report": "write one self-contained HTML page about runs, with pictures",
    "plot": "draw a figure of runs for a paper: losses, decay curves, predicted against true, errors",
    "note": "append a line about a run to NOTES.md",
    "tag": "tag a run",
    "archive": "pack a run into archive/ beside the experiments folder, and check the file",
    "restore": "unpack an archived run into the experiments folder",
    "prune": "list what a rule would remove; remove it with --yes",
    "completion": "print a script for the completion of bash, zsh or fish",
}

#: Command -> the extra without which it cannot run. What needs one for some of its options says so where it is needed.
EXTRAS = {"preflight": "train", "train": "train", "resume": "train", "reproduce": "train", "export": "export"}

#: A message may list several violations, one a line; every other control character in it is shown, not obeyed.
_KEPT = "\n"


def console() -> int:
    """The entry point of the installed program."""
    return main(sys.argv[1:])


def main(argv: list[str]) -> int:
    """Run one command line (without the program's name) and return its exit status."""
    _open_missing_streams()
    # A name that the terminal's encoding lacks is shown as an escape; it must not end the table in a traceback.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    try:
        status = _dispatch(argv)
        sys.stdout.flush()
    except DecaylabError as error:
        return _fail(str(error), error.exit_status)
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except OSError as error:
        where = f": {error.filename}" if error.filename is not None else ""
        return _fail(f"{error.strerror or error}{where}", 2)
    return status


def overview() -> str:
    """What `decaylab --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {help_line}" for name, help_line in COMMANDS.items()]
    return "\n".join(
        [
            "usage: decaylab COMMAND [OPTIONS]",
            "",
            "Train networks that predict a room's energy decay curve, and keep every run on record.",
            "",
            "commands:",
            *lines,
            "",
            "`decaylab COMMAND --help` shows a command's options and an example; `decaylab --version` the version.",
        ]
    )


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return 0
    if argv[0] == "--version":
        print(f"decaylab {__version__}")
        return 0
    name = argv[0]
    if name not in COMMANDS:
        raise InputError(_unknown(name))

    module, parser = command(name)
    try:
        args = parser.parse_args(argv[1:])
    except SystemExit:  # argparse's way out of --help, which it has printed; its errors raise InputError
        return 0
    try:
        return int(module.run(args))
    except ModuleNotFoundError as error:
        if name not in EXTRAS or error.name is None or error.name.startswith("decaylab"):
            raise
        raise MissingExtraError(error.name, EXTRAS[name], f"decaylab {name}") from error


def command(name: str) -> tuple[ModuleType, CommandParser]:
    """The module of a command, and its parser."""
    from importlib import import_module

    from decaylab.cli.parser import CommandParser

    module = import_module(f"decaylab.cli.{name}")
    parser = CommandParser(name, COMMANDS[name], module.EXAMPLE)
    module.add_arguments(parser)
    return module, parser


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    kind = "option" if name.startswith("-") else "command"
    close = get_close_matches(name, COMMANDS, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "`decaylab --help` lists the commands"
    return f"unknown {kind} '{name}': {hint}"


def _fail(message: str, status: int) -> int:
    from decaylab.runlog.text import printable

    text = "interrupted" if status == 130 else f"error: {printable(message, keep=_KEPT)}"
    print(f"decaylab: {text}", file=sys.stderr)
    return status


def _open_missing_streams() -> None:
    """A stream that the caller closed leads nowhere: else text meant for stderr would end in the data on stdout, and
    the next file to be opened would get its number."""
    import os

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115


def _reader_left() -> int:
    """Point stdout at nothing, or the interpreter complains when it flushes at exit."""
    import os

    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
    return 141


if __name__ == "__main__":
    sys.exit(console())
