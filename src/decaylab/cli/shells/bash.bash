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
