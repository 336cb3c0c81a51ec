"""The script for zsh. Its completion system quotes what it inserts; the words of the commands are those of bash."""

from __future__ import annotations

from collections.abc import Sequence

from decaylab.cli.completion_bash import tables
from decaylab.cli.completion_words import Words

_MAIN = r"""
# Names of the runs in the folder $1, into `found`. No run is opened; other folders count if they hold metadata.
_decaylab_runs() {
    local name folder=${1/#\~\//$HOME/}
    found=()
    for name in $folder/*(N-/:t); do
        if [[ $name == *_[0-9](#c8)_[0-9](#c6)* || -e $folder/$name/metadata.json ]]; then
            found+=("$name")
        fi
    done
}

# Candidates of the kind $1 for the value that is being typed.
_decaylab_values() {
    local -a found
    case $1 in
        words) compadd -- ${=choices} ;;
        field) compadd -- ${=_decaylab_fields} ;;
        fields)
            compset -P '*,'
            compadd -S '' -- ${=_decaylab_fields}
            ;;
        where) compadd -S '' -- ${=_decaylab_fields} ;;
        run)
            if compset -P 'best:'; then
                compadd -- ${=_decaylab_judged}
            elif [[ $PREFIX == */* ]]; then
                _files
            else
                _decaylab_runs "$experiments"
                compadd -- latest $found
                compadd -S '' -- best:
            fi
            ;;
        *) _files ;;
    esac
}

_decaylab() {
    emulate -L zsh
    setopt extended_glob
    local word cur=$words[CURRENT] command='' option='' pending='' kind='' choices='' options='' positions=''
    local count=0 only_words=0 experiments=experiments
    local -a places
    for word in "${(@)words[2,CURRENT-1]}"; do
        if [[ -n $pending ]]; then
            [[ $pending == --experiments ]] && experiments=${(Q)word}
            pending=''
        elif [[ $only_words == 0 && $word == -- ]]; then
            only_words=1
        elif [[ $only_words == 0 && $word == --experiments=* ]]; then
            experiments=${(Q)word#*=}
        elif [[ $only_words == 0 && $word == -* ]]; then
            option=$word
            _decaylab_command
            [[ $word == *=* || $kind == flag ]] || pending=$word
        elif [[ -z $command ]]; then
            command=$word
        else
            count=$((count + 1))
        fi
    done
    option=$pending
    _decaylab_command
    if [[ -z $command ]]; then
        compadd -- ${=_decaylab_commands} --help --version
    elif [[ -n $pending ]]; then
        _decaylab_values $kind
    elif [[ $only_words == 0 && $cur == --*=* ]]; then
        option=${cur%%=*}
        _decaylab_command
        compset -P '*='
        _decaylab_values $kind
    elif [[ $only_words == 0 && $cur == -* ]]; then
        compadd -- ${=options}
    else
        places=(${=positions})
        while (( count > 0 && $#places > 0 )) && [[ $places[1] != *+ ]]; do
            shift places
            count=$((count - 1))
        done
        kind=${places[1]%+}
        [[ $kind == words:* ]] && choices=${${kind#words:}//,/ }
        _decaylab_values "${kind%%:*}"
    fi
}

if [[ $funcstack[1] == _decaylab ]]; then
    _decaylab "$@"
else
    compdef _decaylab decaylab
fi
"""


def script(commands: Sequence[Words]) -> str:
    """The script: to be sourced after `compinit`, or kept as `_decaylab` in a folder of `fpath`."""
    return (
        f"#compdef decaylab\n# Completion of decaylab in zsh: source <(decaylab completion zsh)\n"
        f"{tables(commands)}{_MAIN}"
    )
