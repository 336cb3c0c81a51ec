"""The script for fish. It filters and quotes what it is given, and shows the help of options beside them."""

from __future__ import annotations

from collections.abc import Sequence

from decaylab.cli.completion_words import FIELD_NAMES, JUDGED, Option, Value, Words

_MAIN = r"""
# Names of the runs in the folder $argv[1]. No run is opened; other folders count if they hold metadata.
function __decaylab_runs
    set -l folders $argv[1]/*/
    set -l names (string replace -r '^.*/([^/]+)/$' '$1' -- $folders | string match -r '^[^\t]+$')
    string match -r '.*_\d{8}_\d{6}.*' -- $names
    for name in (string match -v -r '_\d{8}_\d{6}' -- $names)
        test -e $argv[1]/$name/metadata.json; and echo $name
    end
end

# Candidates of the kind $argv[2] (and its choices) for a value, each after the text $argv[1].
function __decaylab_values
    set -l before $argv[1]
    set -l typed (string sub -s (math (string length -- "$before") + 1) -- (commandline -ct))
    switch "$argv[2]"
        case words
            printf '%s\n' $before$argv[3..-1]
        case field where
            printf '%s\n' $before$__decaylab_fields
        case fields
            set -l listed (string match -r '^.*,' -- $typed)
            printf '%s\n' "$before$listed"$__decaylab_fields
        case run
            if string match -q '*/*' -- $typed
                __fish_complete_path $typed
            else if string match -q 'best:*' -- $typed
                printf '%s\n' $before'best:'$__decaylab_judged
            else
                printf '%s\n' $before{latest,best:}
                set -l names (__decaylab_runs $__decaylab_experiments)
                test -n "$names"; and printf '%s\n' $before$names
            end
        case '*'
            if test -n "$before"
                for path in (__fish_complete_path $typed)
                    echo $before$path
                end
            else
                __fish_complete_path $typed
            end
    end
end

function __decaylab
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l command ''
    set -l pending ''
    set -l only_words 0
    set -l count 1
    set -g __decaylab_experiments experiments
    for word in $words[2..-1]
        if test -n "$pending"
            test $pending = --experiments; and set __decaylab_experiments $word
            set pending ''
        else if test $only_words = 0 -a "$word" = --
            set only_words 1
        else if test $only_words = 0; and string match -q -- '--experiments=*' $word
            set __decaylab_experiments (string replace -- --experiments= '' $word)
        else if test $only_words = 0; and string match -q -- '-*' $word
            set -l kind (__decaylab_kind $command $word)
            string match -q '*=*' -- $word; or test "$kind[1]" = flag; or set pending $word
        else if test -z "$command"
            set command $word
        else
            set count (math $count + 1)
        end
    end
    if test -z "$command"
        __decaylab_commands
        printf '%s\n' --help --version
    else if test -n "$pending"
        __decaylab_values '' (__decaylab_kind $command $pending)
    else if test $only_words = 0; and string match -q -- '--*=*' $cur
        set -l option (string replace -r '=.*' '' -- $cur)
        __decaylab_values $option= (__decaylab_kind $command $option)
    else if test $only_words = 0; and string match -q -- '-*' $cur
        __decaylab_options $command
    else
        set -l places (__decaylab_positions $command)
        if test $count -gt (builtin count $places); and string match -q '*+' -- "$places[-1]"
            set count (builtin count $places)
        end
        if test $count -le (builtin count $places)
            __decaylab_values '' (string split ' ' -- (string replace -r ' ?\+$' '' -- $places[$count]))
        end
    end
end

complete -c decaylab -e
complete -c decaylab -f -a '(__decaylab)'
"""


def script(commands: Sequence[Words]) -> str:
    """The script; it asks nothing of the program."""
    lines = [
        "# Completion of decaylab in fish: decaylab completion fish | source",
        f"set -g __decaylab_fields {' '.join(FIELD_NAMES)}",
        f"set -g __decaylab_judged {' '.join(JUDGED)}",
        "",
        "function __decaylab_commands",
        *(f"    printf '%s\\t%s\\n' {command.name} {_quoted(command.help)}" for command in commands),
        "end",
        "",
        "function __decaylab_options",
        "    switch $argv[1]",
    ]
    for command in commands:
        lines += [f"        case {command.name}", *(f"            {_shown(option)}" for option in command.options)]
    lines += ["    end", "end", "", "function __decaylab_positions", "    switch $argv[1]"]
    for command in commands:
        if command.positions:
            places = " ".join(_quoted(_position(value)) for value in command.positions)
            lines += [f"        case {command.name}", f"            printf '%s\\n' {places}"]
    lines += [
        "    end",
        "end",
        "",
        "# Kind of the value of an option, and its choices, one a line.",
        "function __decaylab_kind",
        '    switch "$argv[1] $argv[2]"',
    ]
    for command in commands:
        for option in command.options:
            if option.value.kind != "flag":
                words = " ".join((option.value.kind, *option.value.words))
                lines += [
                    f"        case {_quoted(f'{command.name} {option.name}')}",
                    f"            printf '%s\\n' {words}",
                ]
    return "\n".join([*lines, "        case '*'", "            echo flag", "    end", "end", _MAIN])


def _shown(option: Option) -> str:
    return f"printf '%s\\t%s\\n' {option.name} {_quoted(option.help)}"


def _position(value: Value) -> str:
    """`run`, `text +` (repeated), `words bash zsh fish`."""
    return " ".join((value.kind, *value.words, *(["+"] if value.repeated else [])))


def _quoted(text: str) -> str:
    """A word of fish, in single quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
