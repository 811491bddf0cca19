#!/bin/bash
# Drives the completion as bash does: fills in COMP_WORDS, calls the function that `complete -p` names, and looks at
# COMPREPLY. usage: completion_test.sh COMPLETION PROGRAMS
set -u
completion=$(realpath "$1")
programs=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
checks=0

# An analyzer from elsewhere, one that answers nothing, and files to choose among.
mkdir -p "$work/bin" "$work/files/folder.d"
cat >"$work/bin/panda-analyze-mine" <<'END'
#!/bin/sh
[ "$1" = --help ] && printf 'Options:\n  --depth N      how deep, as --never says\n  --flat         not at all\n  -k [ --kconf ] arg  a file\n'
END
printf '#!/bin/sh\nexit 1\n' >"$work/bin/panda-analyze-mute"
chmod +x "$work/bin/"*
cd "$work/files" || exit 1
touch one.panda two.panda one.capnp kernel.conf 'with space.capnp' other.txt
PATH=$work/bin:$programs:$PATH
# shellcheck source=/dev/null
. "$completion"

# expect LINE WORD…: completing the last word of LINE (separated by |) gives just these words, in any order. A word may
# be -WORD to say that it must not be among them, and … that there may be others.
expect() {
    local line=$1 registered function word others=no wanted=() unwanted=() found
    shift
    IFS='|' read -r -a COMP_WORDS <<<"$line"
    [[ $line != *\| ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    checks=$((checks + 1))
    registered=$(complete -p "${COMP_WORDS[0]}" 2>&1) || {
        failures=$((failures + 1))
        echo "${COMP_WORDS[0]} has no completion: $registered"
        return
    }
    function=$(sed -E 's/.* -F ([^ ]+) .*/\1/' <<<"$registered")
    "$function" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>"$work/errors"
    for word in "$@"; do
        case $word in
        …) others=yes ;;
        not:*) unwanted+=("${word#not:}") ;;
        *) wanted+=("$word") ;;
        esac
    done
    found=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
    if [ "$others" = no ]; then
        [ "$found" = "$(printf '%s\n' "${wanted[@]}" | sort)" ]
    else
        { [ ${#wanted[@]} = 0 ] || [ "$(printf '%s\n' "${wanted[@]}" | grep -cxF -- "$found")" = ${#wanted[@]} ]; } &&
            ! { [ ${#unwanted[@]} != 0 ] && printf '%s\n' "${unwanted[@]}" | grep -qxF -- "$found"; }
    fi && [ ! -s "$work/errors" ] && return
    failures=$((failures + 1))
    printf '%s: expected %s, got:\n%s\n' "$line" "$*" "$found"
    cat "$work/errors"
}

# Programs and their options.
expect 'panda-record|--me' --memory
expect 'panda-record|-' -o --output --boot --vm -f --force --memory --version …
expect 'panda-replay|--' --trace --columns --verify-only …
expect 'panda-replay|--sn' --snapshots
expect 'panda-recording|info|--' --json --version --help --quiet --command --force --output --qemu
expect 'panda-kernelinfo|--system' --system-map

# Commands, each with its own options.
expect 'panda-trace|' info dump verify cut recover diff
expect 'panda-trace|-' --help --version
expect 'panda-trace|ver' verify
expect 'panda-trace|verify|--no' --no-blame
expect 'panda-trace|dump|--no'
expect 'panda-recording|' info verify cut cat

# Analyzers, beside the driver and on PATH, and their options.
expect 'panda-analyze|' blocks osi memdump syscalls mine mute …
expect 'panda-analyze|mi' mine
expect 'panda-analyze|--' --help --list --version --panda --needs --results --quiet
expect 'panda-analyze|blocks|--to' --to --top
expect 'panda-analyze-blocks|--to' --to --top
expect 'panda-analyze|mine|-' --depth --flat -k --kconf
expect 'panda-analyze|mute|-'
expect 'panda-analyze|missing|-'

# Files by suffix, and any directory.
expect 'panda-replay|' one.panda two.panda folder.d
expect 'panda-replay|t' two.panda
expect 'panda-recording|verify|' one.panda two.panda folder.d
expect 'panda-trace|info|' one.capnp 'with space.capnp' folder.d
expect 'panda-analyze|blocks|w' 'with space.capnp'
expect 'panda-analyze|mine|--flat|o' one.capnp
expect 'panda-analyze-osi|' one.capnp 'with space.capnp' folder.d

# Values of options.
expect 'panda-replay|--columns|' blocks memory full
expect 'panda-replay|--columns|=|m' memory
expect 'panda-replay|--columns|=' blocks memory full
expect 'panda-replay|--trace|o' one.capnp
expect 'panda-replay|-t|o' one.capnp
expect 'panda-analyze|osi|--kconf|' kernel.conf folder.d
expect 'panda-analyze|mine|--kconf|' kernel.conf folder.d
expect 'panda-record|-o|' one.panda two.panda folder.d
expect 'panda-record|--guest|' folder.d
expect 'panda-record|--disk|oth' other.txt

# What is recorded is another program's command line.
expect 'panda-record|-o|x.panda|--|ls|-'

echo "$checks completions, $failures wrong"
[ "$checks" -ge 38 ] && [ "$failures" = 0 ]
