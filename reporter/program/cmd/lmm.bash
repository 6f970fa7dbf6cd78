# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of lmm(1) in bash: subcommands, options, the words that an option takes, and the processes that `lmm ls`
# lists. `lmm complete` prints the subcommands; `lmm complete SUBCOMMAND` prints a line for each option: its spelling, its
# argument (none, optional, file or word), shown or hidden, and the words that it takes.

# Processes with a ledger: PIDs and programs, and files.
_lmm_processes() {
    local word=$1
    mapfile -t COMPREPLY < <(
        compgen -W "$(lmm ls 2>/dev/null | awk 'NR > 1 { print $1; print $2 }' | sort -u)" -- "$word"
        compgen -f -- "$word"
    )
    compopt -o filenames 2>/dev/null
}

_lmm_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
    if [[ ${#COMPREPLY[@]} -gt 0 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

_lmm_files() {
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
    compopt -o filenames 2>/dev/null
}

# Reads the options of a subcommand into the caller's arrays: argument and words of each, and the shown ones.
_lmm_read_options() {
    local option argument visibility words
    while read -r option argument visibility words; do
        lmm_argument[$option]=$argument
        lmm_words[$option]=$words
        if [[ $visibility == shown && $option == --* ]]; then
            lmm_shown+=" $option"
        fi
    done < <(lmm complete "$1" 2>/dev/null)
}

# Completes the argument of an option; false if the word is none.
_lmm_argument() {
    local option=$1 word=$2 equals=$3
    case ${lmm_argument[$option]-none} in
    file) _lmm_files "$word" ;;
    word) _lmm_words "${lmm_words[$option]}" "$word" ;;
    optional) [[ $equals == '=' ]] ;;
    none) return 1 ;;
    esac
}

# lmm run: its options, then a program, then the completion of that program.
_lmm_run() {
    local word=$1 before=$2 equals=$3 i=2

    while ((i < COMP_CWORD)); do
        case ${COMP_WORDS[i]} in
        --) break ;;
        -*)
            case ${lmm_argument[${COMP_WORDS[i]}]-none} in
            file | word)
                ((i++))
                if [[ ${COMP_WORDS[i]} == '=' ]]; then
                    ((i++))
                fi
                while [[ ${COMP_WORDS[i + 1]} == [=:]* ]]; do # bash splits leaks=1:usage=1 into seven words
                    ((i += 2))
                done
                ;;
            esac
            ;;
        *) break ;;
        esac
        ((i++))
    done
    if ((i > COMP_CWORD)); then
        _lmm_argument "$before" "$word" "$equals"
        return
    fi
    if [[ ${COMP_WORDS[i]} == -- ]]; then
        ((i++))
    fi
    if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
        _command_offset "$i"
    elif ((i < COMP_CWORD)); then
        _lmm_files "$word"
    elif ((i == COMP_CWORD)) && [[ $word == -* ]]; then
        _lmm_words "$lmm_shown" "$word"
    else
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
    fi
}

_lmm() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} equals='' lmm_shown=''
    local subcommand=${COMP_WORDS[1]}
    local -A lmm_argument=() lmm_words=()

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _lmm_words "$(lmm complete 2>/dev/null) --help --version" "$word"
        return
    fi
    if [[ $before == '=' ]]; then # bash splits --format=json into three words
        before=${COMP_WORDS[COMP_CWORD - 2]} equals='='
    elif [[ $word == '=' ]]; then
        word='' equals='='
    fi
    _lmm_read_options "$subcommand"
    if [[ $subcommand == run ]]; then
        _lmm_run "$word" "$before" "$equals"
        return
    fi
    if _lmm_argument "$before" "$word" "$equals"; then
        return
    fi
    if [[ $word == -* ]]; then
        _lmm_words "$lmm_shown" "$word"
        return
    fi
    case $subcommand in
    help) _lmm_words "$(lmm complete 2>/dev/null)" "$word" ;;
    detach | ls | report | sites | diet | top | watch | snapshot | diff) _lmm_processes "$word" ;;
    esac
}

complete -F _lmm lmm
