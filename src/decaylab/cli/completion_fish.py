"""The script for fish, which reads options, filters and quotes by itself, and shows the help beside each candidate."""

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


def script(commands: Sequence[Words]) -> str:
    """The script; it asks nothing of the program."""
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
