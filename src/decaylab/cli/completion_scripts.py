"""The scripts for fish, for bash from 3.2 on, which macOS has (no associative arrays, no `mapfile`), and for zsh.

What is the same for all commands lies in the folder `shells`: both read the tables and the command line with the
same lines; each lists runs and offers candidates in its own way. What lies on the disk is only ever compared and
quoted: `compgen -W` and `eval`, which would obey it, are not used.
"""

from __future__ import annotations

from collections.abc import Sequence

from decaylab.cli.completion_words import FIELD_NAMES, JUDGED, Value, Words, part

#: What completes a value of each kind; file names where nothing is said.
_SOURCES = {
    "run": "(__decaylab_runs)",
    "field": "$__decaylab_fields",
    "where": "$__decaylab_fields",
    "fields": "(__fish_complete_list , 'printf %s\\n $__decaylab_fields')",
}


def fish(commands: Sequence[Words]) -> str:
    """The script for fish, which reads options, filters and quotes by itself, and shows the help beside each candidate;
    it asks nothing of the program."""
    options = [option for command in commands for option in command.options]
    valued = dict.fromkeys(option.name for option in options if option.value.kind != "flag")
    lines = [
        "# Completion of decaylab in fish: decaylab completion fish | source",
        f"set -g __decaylab_fields {' '.join(FIELD_NAMES)}",
        f"set -g __decaylab_judged {' '.join(JUDGED)}",
        f"set -g __decaylab_valued {' '.join(valued)}",
        f"\n{part('fish.fish')}",
        _line("", "-a '--help --version'"),
    ]
    for command in commands:
        lines.append(_line("", f"-a {command.name} -d {_quoted(command.help)}"))
        for option in command.options:
            kind = f"-{'l' if option.name.startswith('--') else 's'} {option.name.lstrip('-')}"
            source = "" if option.value.kind == "flag" else f" -r {_source(option.value)}"
            lines.append(_line(command.name, f"{kind}{source} -d {_quoted(option.help)}"))
        for place, value in enumerate(command.positions, 1):
            lines.append(_line(f"{command.name} {place}{'+' * value.repeated}", _source(value)))
    return "\n".join([*lines, ""])


def _line(where: str, what: str) -> str:
    return f"complete -c decaylab -n {_quoted(f'__decaylab_at {where}')} {what}"


def _source(value: Value) -> str:
    words = " ".join(value.words) or _SOURCES.get(value.kind)
    return f"-f -a {_quoted(words)}" if words else "-F"


def _quoted(text: str) -> str:
    """A word of fish, in single quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


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
