# bash completion for silogate(1). Subcommands and options are what --help says, so a new one is completed
# without a change here.

_silogate_words() { "${COMP_WORDS[0]}" "$@" --help 2>/dev/null; }

_silogate() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(_silogate_words | sed -nE 's/^  ([a-z]+)  .*/\1/p') --help"
    elif [[ $previous = -c || $previous = --config || $previous = --defaults-file ]]; then
        words=
    elif [[ $current = -* ]]; then
        words=$(_silogate_words "${COMP_WORDS[1]}" | grep -Eo -e '--?[a-z][a-z-]*' | sort -u)
    elif [[ ${COMP_WORDS[1]} = ctl && $COMP_CWORD -eq 2 ]]; then
        words=$(_silogate_words ctl | sed -nE 's/^  ([a-z]+)[ ].*/\1/p')
    fi
    if [ -n "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        compopt -o filenames 2>/dev/null
    fi
}

complete -F _silogate silogate
