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
