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
