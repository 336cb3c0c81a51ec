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
