"""The scripts for bash, from 3.2 on, which macOS has (no associative arrays, no `mapfile`), and for zsh.

Both read the tables and the command line with the same lines; each lists runs and offers candidates in its own way.
What lies on the disk is only ever compared and quoted: `compgen -W` and `eval`, which would obey it, are not used.
"""

from __future__ import annotations

from collections.abc import Sequence

from decaylab.cli.completion_words import FIELD_NAMES, JUDGED, Value, Words

_COMMON = r"""
# Candidates of the kind $1 for a value of which $3 has been typed, after the text $2. `glued`: no space after them.
_decaylab_values() {
    local before=$2 typed=$3
    local -a found
    found=()
    case $1 in
        words) _decaylab_offer "$before" "$typed" $choices ;;
        field) _decaylab_offer "$before" "$typed" $_decaylab_fields ;;
        fields)
            case $typed in *,*) before=$before${typed%,*}, typed=${typed##*,} ;; esac
            glued=1
            _decaylab_offer "$before" "$typed" $_decaylab_fields
            ;;
        where)
            glued=1
            _decaylab_offer "$before" "$typed" $_decaylab_fields
            ;;
        run)
            case $typed in
                best:*) _decaylab_offer "${before}best:" "${typed#best:}" $_decaylab_judged ;;
                */*) _decaylab_files ;;
                *)
                    _decaylab_runs "$experiments" "$typed"
                    _decaylab_offer "$before" "$typed" latest best: "${found[@]}"
                    ;;
            esac
            ;;
        *) _decaylab_files ;;
    esac
}

# Offer what may stand at the last of the words of a command line.
_decaylab_read() {
    local word command='' option='' pending='' kind='' choices='' options='' positions=''
    local count=0 only_words=0 experiments=experiments
    shift
    while [[ $# -gt 1 ]]; do
        word=$1
        shift
        if [[ -n $pending ]]; then
            [[ $pending == --experiments ]] && experiments=$word
            pending=''
        elif [[ $only_words == 0 && $word == -- ]]; then
            only_words=1
        elif [[ $only_words == 0 && $word == --experiments=* ]]; then
            experiments=${word#*=}
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
    word=$1
    option=$pending
    _decaylab_command
    if [[ -z $command ]]; then
        _decaylab_offer '' "$word" $_decaylab_commands --help --version
    elif [[ -n $pending ]]; then
        _decaylab_values "$kind" '' "$word"
    elif [[ $only_words == 0 && $word == --*=* ]]; then
        option=${word%%=*}
        _decaylab_command
        _decaylab_values "$kind" "$option=" "${word#*=}"
    elif [[ $only_words == 0 && $word == -* ]]; then
        _decaylab_offer '' "$word" $options
    else
        set -- $positions
        while [[ $count -gt 0 && $# -gt 0 && $1 != *+ ]]; do
            shift
            count=$((count - 1))
        done
        kind=${1%+}
        case $kind in words:*) choices=${kind#words:} choices=${choices//,/ } ;; esac
        _decaylab_values "${kind%%:*}" '' "$word"
    fi
}
"""
_BASH = r"""
# Names of the runs in the folder $1 that may begin with $2, into `found`. No run is opened; folders that are not named
# like runs count if they hold metadata.
_decaylab_runs() {
    local folder=$1 begin=$2 name set_back=''
    case $begin in *[!A-Za-z0-9._-]*) begin='' ;; esac
    case $folder in
        \'*\' | \"*\") folder=${folder:1:${#folder}-2} ;;
    esac
    folder=${folder//\\/}
    case $folder in
        '~' | '~'/*) folder=$HOME${folder:1} ;;
    esac
    case $- in *f*) set +f; set_back='set -f;' ;; esac
    shopt -q nullglob || { shopt -s nullglob; set_back="$set_back shopt -u nullglob;"; }
    shopt -q failglob && { shopt -u failglob; set_back="$set_back shopt -s failglob;"; }
    found=("$folder"/"$begin"*/)
    case $set_back in *'set -f'*) set -f ;; esac
    case $set_back in *'-u nullglob'*) shopt -u nullglob ;; esac
    case $set_back in *'-s failglob'*) shopt -s failglob ;; esac
    local here=("${found[@]%/}")
    found=()
    for name in "${here[@]##*/}"; do
        case $name in
            .*) ;;
            *_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]_[0-9][0-9][0-9][0-9][0-9][0-9]*) found+=("$name") ;;
            *) [[ -e $folder/$name/metadata.json ]] && found+=("$name") ;;
        esac
    done
}

# Of the words from $3 on, those that begin with $2, each after $1.
_decaylab_offer() {
    local before=$1 typed=$2 word quoted
    shift 2
    for word; do
        case $word in
            *[!A-Za-z0-9._:=@%+,/-]*)
                printf -v quoted %q "$word"
                [[ $word == "$typed"* || $quoted == "$typed"* ]] && COMPREPLY+=("$before$quoted")
                ;;
            "$typed"*) COMPREPLY+=("$before$word") ;;
        esac
    done
    case ${COMPREPLY[*]} in *best:) glued=1 ;; esac
}

# Where nothing is offered readline completes file names.
_decaylab_files() { :; }

_decaylab() {
    local IFS=$' \t\n'
    local -a typed
    local i word joins=0 last cur glued=0 strip breaks=''
    typed=()
    COMPREPLY=()
    # bash splits words at : and =, which are put together again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        last=$((${#typed[@]} - 1))
        if [[ $i -gt 1 && -n $word && -z ${word//[:=]/} ]]; then
            typed[last]+=$word
            joins=1
        elif [[ $joins == 1 && -n $word && $word != -* ]]; then
            typed[last]+=$word
            joins=0
        else
            typed+=("$word")
            joins=0
        fi
    done
    last=$((${#typed[@]} - 1))
    cur=${typed[last]}
    _decaylab_read "${typed[@]}"
    # readline replaces what comes after the last : or = only.
    case $COMP_WORDBREAKS in *:*) breaks=: ;; esac
    case $COMP_WORDBREAKS in *=*) breaks=$breaks= ;; esac
    if [[ -n $breaks ]]; then
        strip=${cur%"${cur##*[$breaks]}"}
        for ((i = 0; ${#strip} > 0 && i < ${#COMPREPLY[@]}; i++)); do
            COMPREPLY[i]=${COMPREPLY[i]#"$strip"}
        done
    fi
    [[ $glued == 1 ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -o bashdefault -o default -F _decaylab decaylab
"""
_ZSH = r"""
# Names of the runs in the folder $1, into `found`. No run is opened; other folders count if they hold metadata.
_decaylab_runs() {
    local name folder=${(Q)1}
    folder=${folder/#\~\//$HOME/}
    for name in "$folder"/*(N-/:t); do
        if [[ $name == *_[0-9](#c8)_[0-9](#c6)* || -e $folder/$name/metadata.json ]]; then
            found+=("$name")
        fi
    done
}

# The words from $3 on, after the text $1; zsh filters and quotes them. A word that ends in a colon goes on.
_decaylab_offer() {
    compset -P "${(b)1}"
    shift 2
    [[ $glued == 1 ]] && { compadd -S '' -- "$@"; return }
    compadd -- "${(@)@:#*:}"
    compadd -S '' -- "${(M)@:#*:}"
}

_decaylab_files() {
    setopt local_options no_sh_word_split
    _files
}

_decaylab() {
    setopt local_options sh_word_split
    local glued=0
    _decaylab_read "${(@)words[1,CURRENT]}"
}

if [[ $funcstack[1] == _decaylab ]]; then
    _decaylab "$@"
else
    compdef _decaylab decaylab
fi
"""


def bash(commands: Sequence[Words]) -> str:
    """The script for bash; it asks nothing of the program."""
    head = "# Completion of decaylab in bash: source <(decaylab completion bash)"
    return f"{head}\n{_tables(commands)}{_COMMON}{_BASH}"


def zsh(commands: Sequence[Words]) -> str:
    """The script for zsh: to be sourced after `compinit`, or kept as `_decaylab` in a folder of `fpath`."""
    head = "#compdef decaylab\n# Completion of decaylab in zsh: source <(decaylab completion zsh)"
    return f"{head}\n{_tables(commands)}{_COMMON}{_ZSH}"


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
