"""The scripts for bash, from 3.2 on, which macOS has (no associative arrays, no `mapfile`), and for zsh.

What is the same for all commands lies in the folder `shells`: both read the tables and the command line with the
same lines; each lists runs and offers candidates in its own way. What lies on the disk is only ever compared and
quoted: `compgen -W` and `eval`, which would obey it, are not used.
"""

from __future__ import annotations

from collections.abc import Sequence

from decaylab.cli.completion_words import FIELD_NAMES, JUDGED, Value, Words, part


def bash(commands: Sequence[Words]) -> str:
    """The script for bash; it asks nothing of the program."""
    head = "# Completion of decaylab in bash: source <(decaylab completion bash)"
    return f"{head}\n{_tables(commands)}\n{part('common.sh')}\n{part('bash.bash')}"


def zsh(commands: Sequence[Words]) -> str:
    """The script for zsh: to be sourced after `compinit`, or kept as `_decaylab` in a folder of `fpath`."""
    head = "#compdef decaylab\n# Completion of decaylab in zsh: source <(decaylab completion zsh)"
    return f"{head}\n{_tables(commands)}\n{part('common.sh')}\n{part('zsh.zsh')}"


def _tables(commands: Sequence[Words]) -> str:
    """Words, options and kinds of the commands."""
    lines = [
        f"_decaylab_commands='{' '.join(command.name for command in commands)}'",
        f"_decaylab_fields='{' '.join(FIELD_NAMES)}'",
        f"_decaylab_judged='{' '.join(JUDGED)}'",
        "",
        "# Of $command: its options and positions; of its $option: the kind of its value, and the choices.",
        "_decaylab_command() {",
        "    kind=flag choices='' options='' positions=''",
        "    case $command in",
    ]
    for command in commands:
        lines.append(f"        {command.name})")
        lines.append(f"            options='{' '.join(option.name for option in command.options)}'")
        lines.append(f"            positions='{' '.join(map(_position, command.positions))}'")
        cases: dict[str, list[str]] = {}
        for option in command.options:
            if option.value.kind != "flag":
                words = f" choices='{' '.join(option.value.words)}'" if option.value.words else ""
                cases.setdefault(f"kind={option.value.kind}{words}", []).append(option.name)
        if cases:
            lines.append("            case $option in")
            lines += [f"                {' | '.join(names)}) {what} ;;" for what, names in cases.items()]
            lines.append("            esac")
        lines.append("            ;;")
    return "\n".join([*lines, "    esac", "}", ""])


def _position(value: Value) -> str:
    """`run`, `text+` (repeated), `words:bash,zsh,fish`."""
    words = f":{','.join(value.words)}" if value.words else ""
    return f"{value.kind}{words}{'+' if value.repeated else ''}"
