# Completion for bash: programs of PANDA, their commands, their options, analyzers, and files by their suffixes. What
# there is to complete comes from --help of the program at hand, so there is nothing to keep up to date here.
# Installed once for each program, for bash completes from the file that is named after the command.
# shellcheck shell=bash

# _panda_help COMMAND…: what it prints when it is asked for help.
_panda_help() {
    "$@" --help 2>/dev/null </dev/null
}

# Options in --help's text, from standard input: "  -o [ --output ] arg" and "  -h, --help". Descriptions name
# options too, but further to the right.
_panda_options() {
    sed -nE 's/^  (-[[:alnum:]])(, | \[ )(--[[:alnum:]-]+).*/\1\n\3/p; t
             s/^  (--[[:alnum:]-]+), (--[[:alnum:]-]+).*/\1\n\2/p; t
             s/^  (--?[[:alnum:]][[:alnum:]-]*).*/\1/p'
}

# _panda_takes_value OPTION: whether a value's name stands behind the option in the text on standard input.
_panda_takes_value() {
    grep -qE -e "^  (-[[:alnum:]](, | \\[ ))?$1( \\])? (arg|[[:upper:]][^[:lower:] ]*)( |\$)" \
        -e "^  $1(, | \\[ )--[[:alnum:]-]+( \\])? (arg|[[:upper:]][^[:lower:] ]*)( |\$)"
}

# _panda_commands PROGRAM: commands in the text on standard input, as "  info     what …" or "Usage: PROGRAM info …".
_panda_commands() {
    sed -nE -e 's/^  ([a-z]+) .*/\1/p' -e "s/^([Uu]sage: | +)$1 ([a-z]+)( .*)?$/\2/p" | sort -u
}

# _panda_analyzers PROGRAM: names of the analyzers beside panda-analyze and on PATH.
_panda_analyzers() {
    local directory
    directory=$(dirname "$(type -P "$1" || echo "$1")")
    {
        compgen -c panda-analyze-
        compgen -f "$directory/panda-analyze-"
    } | sed 's/.*panda-analyze-//' | sort -u
}

# _panda_files SUFFIX WORD: files with that suffix, and directories; any file when the suffix is empty.
_panda_files() {
    compopt -o filenames 2>/dev/null
    if [ -n "$1" ]; then
        mapfile -t COMPREPLY < <({ compgen -d -- "$2"; compgen -f -X "!*$1" -- "$2"; } | sort -u)
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
    fi
}

# _panda_value PROGRAM OPTION WORD: what an option of a program takes.
_panda_value() {
    case $1:$2 in
    *:--kconf) _panda_files .conf "$3" ;;
    panda-replay:--columns) mapfile -t COMPREPLY < <(compgen -W 'blocks memory full' -- "$3") ;;
    panda-record:--guest) _panda_files /. "$3" ;;
    panda-record:-o | panda-record:--output) _panda_files .panda "$3" ;;
    panda-replay:-t | panda-replay:--trace | panda-kernelinfo:-t | panda-kernelinfo:--trace | panda-trace:-o | panda-trace:--output)
        _panda_files .capnp "$3"
        ;;
    *) _panda_files '' "$3" ;;
    esac
}

# _panda_command_line: sets program, command (what to ask for help), word and before from COMP_WORDS. Fails where
# nothing of ours is completed.
_panda_command_line() {
    local -a line=("${COMP_WORDS[@]:0:COMP_CWORD}")
    local at
    word=${COMP_WORDS[COMP_CWORD]}
    # bash splits --option=value in three.
    if [ "$word" = = ]; then
        word=
    elif [ "${line[-1]}" = = ]; then
        unset 'line[-1]'
    fi
    before=${line[-1]}
    program=${COMP_WORDS[0]##*/}
    command=("${COMP_WORDS[0]}")
    case $program in
    panda-record) # what is recorded, or QEMU's arguments
        for at in "${line[@]:1}"; do
            [ "$at" != -- ] || return 1
        done
        ;;
    panda-analyze | panda-trace) # a command, or another program, has options of its own
        if [ ${#line[@]} -gt 1 ] && [[ ${line[1]} != -* ]]; then
            command+=("${line[1]}")
            [ "$program" != panda-analyze ] || program=panda-analyze-${line[1]}
        fi
        ;;
    esac
}

_panda() {
    local word before program help
    local -a command words
    COMPREPLY=()
    _panda_command_line || return 0
    if [ "$program" = panda-analyze ] && [[ $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_panda_analyzers "${command[0]}")" -- "$word")
        return 0
    fi
    help=$(_panda_help "${command[@]}")
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_panda_options <<<"$help")" -- "$word")
        return 0
    fi
    if [[ $before == -?* ]] && _panda_takes_value "$before" <<<"$help"; then
        _panda_value "$program" "$before" "$word"
        return 0
    fi
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t words < <(_panda_commands "$program" <<<"$help")
        if [ ${#words[@]} -gt 0 ]; then
            mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$word")
            return 0
        fi
    fi
    case $program in
    panda-replay | panda-recording) _panda_files .panda "$word" ;;
    panda-trace | panda-analyze-*) _panda_files .capnp "$word" ;;
    panda-kernelinfo) _panda_files '' "$word" ;;
    esac
}

# shellcheck disable=SC2046
complete -F _panda panda-record panda-replay panda-recording panda-trace panda-kernelinfo panda-analyze \
    $(compgen -c panda-analyze-)
