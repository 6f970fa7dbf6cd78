# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of lmm(1) in bash: subcommands, options, formats, sort keys, and the processes that `lmm ls` lists.

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
}

# Long options, from the subcommand's own help.
_lmm_options() {
    _lmm_words "$(lmm "$1" --help 2>/dev/null | grep -oE -- '--[a-z][-a-z]*')" "$2"
}

# lmm run: its options, then a program, then the completion of that program.
_lmm_run() {
    local word=$1 before=$2 i=2

    case $before in
    --format | -F)
        _lmm_words "text json csv openmetrics pprof folded massif" "$word"
        return
        ;;
    --measure)
        _lmm_words "live peak allocated temporary" "$word"
        return
        ;;
    --fit)
        _lmm_words "largest first best" "$word"
        return
        ;;
    --temporary)
        _lmm_words "lmm heaptrack" "$word"
        return
        ;;
    --output | -o | --suppressions | --preload-library)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
        return
        ;;
    --options)
        _lmm_words "exitcode= fill= fit= leaks= log= reservoir= temporary= usage=" "$word"
        compopt -o nospace 2>/dev/null
        return
        ;;
    --depth | --stacks | --stacks-per-row | --top | -t | --error-exitcode | --wrapper) return ;;
    esac
    while ((i < COMP_CWORD)); do
        case ${COMP_WORDS[i]} in
        --) break ;;
        --depth | --stacks | --stacks-per-row | --format | -F | --output | -o | --top | -t | --error-exitcode | \
            --suppressions | --fit | --measure | --temporary | --options | --preload-library | --wrapper)
            ((i++))
            if [[ ${COMP_WORDS[i]} == '=' ]]; then
                ((i++))
            fi
            while [[ ${COMP_WORDS[i + 1]} == [=:]* ]]; do # bash splits leaks=1:usage=1 into seven words
                ((i += 2))
            done
            ;;
        -*) ;;
        *) break ;;
        esac
        ((i++))
    done
    if [[ ${COMP_WORDS[i]} == -- ]]; then
        ((i++))
    fi
    if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
        _command_offset "$i"
    elif ((i < COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
    elif ((i == COMP_CWORD)) && [[ $word == -* ]]; then
        _lmm_options run "$word"
    else
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
    fi
}

_lmm() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local subcommands="run ls report sites top watch snapshot diff gc help"
    local subcommand=${COMP_WORDS[1]}

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _lmm_words "$subcommands --help --version" "$word"
        return
    fi
    if [[ $before == '=' ]]; then # bash splits --format=json into three words
        before=${COMP_WORDS[COMP_CWORD - 2]}
        if [[ $before == --stacks ]]; then # the number is optional, but not after '='
            return
        fi
    elif [[ $word == '=' ]]; then
        word=
    fi
    if [[ $subcommand == run ]]; then
        _lmm_run "$word" "$before"
        return
    fi
    case $before in
    --by)
        case $subcommand in
        top) _lmm_words "line family" "$word" ;;
        *) _lmm_words "line function module stack family site" "$word" ;;
        esac
        return
        ;;
    --format | -F)
        case $subcommand in
        report) _lmm_words "text json csv openmetrics pprof folded massif" "$word" ;;
        *) _lmm_words "text json" "$word" ;;
        esac
        return
        ;;
    --measure)
        _lmm_words "live peak allocated temporary" "$word"
        return
        ;;
    --sort | -s)
        if [[ $subcommand == ls ]]; then
            _lmm_words "start pid name bytes state" "$word"
        elif [[ $subcommand == top ]]; then
            _lmm_words "bytes blocks page-slots committed pages mapped name slots page-bytes size use
                allocations frees" "$word"
        else
            _lmm_words "bytes blocks allocations frees size peak committed name" "$word"
        fi
        return
        ;;
    --output | -o)
        if [[ $subcommand != top ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            compopt -o filenames 2>/dev/null
            return
        fi
        ;;
    --top | -t | --family | -f | --every | --for | -e | --older-than | --delay | -d | --site | --stacks-per-row) return ;;
    -a)
        if [[ $subcommand == gc ]]; then
            return
        fi
        ;;
    esac
    if [[ $word == -* ]]; then
        _lmm_options "$subcommand" "$word"
        return
    fi
    case $subcommand in
    help) _lmm_words "$subcommands" "$word" ;;
    ls | report | sites | top | watch | snapshot | diff) _lmm_processes "$word" ;;
    esac
}

complete -F _lmm lmm
