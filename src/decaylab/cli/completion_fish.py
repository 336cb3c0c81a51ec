"""The script for fish, which reads options, filters and quotes by itself, and shows the help beside each candidate."""

from __future__ import annotations

from collections.abc import Sequence

from decaylab.cli.completion_words import FIELD_NAMES, JUDGED, Value, Words

_MAIN = r"""
# Whether the command is $argv[1] and the word being typed stands at position $argv[2], if given; 2+: there or later.
function __decaylab_at
    set -l words
    set -l pending 0
    set -l only_words 0
    for word in (commandline -opc)[2..-1]
        if test $pending = 1
            set pending 0
        else if test $only_words = 1; or not string match -q -- '-*' $word
            set -a words $word
        else if test $word = --
            set only_words 1
        else if contains -- $word $__decaylab_valued
            set pending 1
        end
    end
    test "$words[1]" = "$argv[1]"; or return
    set -l at (count $words)
    switch "$argv[2]"
        case ''
            true
        case '*+'
            test $at -ge (string trim -r -c + $argv[2])
        case '*'
            test $at = $argv[2]
    end
end

# What names a run. No run is opened; folders that are not named like runs count if they hold metadata.
function __decaylab_runs
    set -l typed (commandline -ct | string replace -r -- '^--[^=]*=' '')
    if string match -q '*/*' -- $typed
        __fish_complete_path $typed
        return
    else if string match -q 'best:*' -- $typed
        printf '%s\n' best:$__decaylab_judged
        return
    end
    printf '%s\n' latest best:
    set -l words (commandline -opc)
    set -l folders experiments (string replace -f -- --experiments= '' $words)
    set -l at (contains -i -- --experiments $words); and set -a folders $words[(math $at + 1)]
    set -l folder (string replace -r '^~/' $HOME/ -- $folders[-1])
    set -l found $folder/*/
    set -l names (string replace -r '^.*/([^/]+)/$' '$1' -- $found | string match -r '^[^\t]+$')
    string match -r '.*_\d{8}_\d{6}.*' -- $names
    for name in (string match -v -r '_\d{8}_\d{6}' -- $names)
        test -e $folder/$name/metadata.json; and echo $name
    end
    true
end

complete -c decaylab -e
complete -c decaylab -f
"""
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
        _MAIN,
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
