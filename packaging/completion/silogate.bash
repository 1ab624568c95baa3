# bash completion for silogate(1). Subcommands, their first words and options are what --help says, so a new one is
# completed without a change here.

_silogate_words() { "${COMP_WORDS[0]}" "$@" --help 2>/dev/null; }

# Is $1 an option that has a value?
_silogate_takes() {
    [[ $1 = -c ]] || { [[ $1 = --* ]] && _silogate_words "${COMP_WORDS[1]}" | grep -Eq -e "(^|[^a-z-])$1 [A-Z]"; }
}

# Stands the current word where the subcommand's own first word does, behind options at most?
_silogate_is_first() {
    local at
    for ((at = 2; at < COMP_CWORD; at++)); do
        [[ ${COMP_WORDS[at]} = -* ]] || return 1
        ! _silogate_takes "${COMP_WORDS[at]}" || at=$((at + 1))
    done
    [ "$at" -eq "$COMP_CWORD" ]
}

# The fixed word or words of a call of ctl that stand here: `on` after `allow SERVICE`, log and block after `mode SERVICE`.
_silogate_fixed() {
    local at=2 call
    while [[ ${COMP_WORDS[at]} = -* ]]; do
        ! _silogate_takes "${COMP_WORDS[at]}" || at=$((at + 1))
        at=$((at + 1))
    done
    [[ ${COMP_WORDS[at]} =~ ^[a-z]+$ ]] || return
    read -ra call < <(_silogate_words ctl | sed -nE "s/^  (${COMP_WORDS[at]} .*)/\1/; s/   *.*//; /^${COMP_WORDS[at]} /p")
    [[ ${call[COMP_CWORD - at]} != [a-z]* ]] || echo "${call[COMP_CWORD - at]//[^a-z]/ }"
}

_silogate() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(_silogate_words | sed -nE 's/^  ([a-z]+)  .*/\1/p') --help"
    elif [[ $previous = --dialect ]]; then
        words="mysql mariadb"
    elif [[ $current = -* ]]; then
        words="$(_silogate_words "${COMP_WORDS[1]}" | grep -Eo -e '(^|[ [|])--?[a-z][a-z-]*' | tr -d '[| ' | sort -u) --help"
    elif [[ ${COMP_WORDS[1]} = ctl || ${COMP_WORDS[1]} = learn ]] && _silogate_is_first; then
        words=$(_silogate_words "${COMP_WORDS[1]}" | sed -nE 's/^  ([a-z]+)( .*|$)/\1/p')
    elif [[ ${COMP_WORDS[1]} = ctl ]]; then
        words=$(_silogate_fixed)
    fi
    if [ -n "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        compopt -o filenames 2>/dev/null
    fi
}

complete -F _silogate silogate
