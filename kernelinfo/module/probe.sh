#!/bin/sh
# usage: probe.sh SOURCE-DIRECTORY OBJECT-DIRECTORY COMPILER FLAGS…
# Writes members.h: MEMBER("key", value) for the lines of members.list that compile with this kernel's headers. There is
# one compilation, with an array element on each line; the compiler names the lines that fail.
set -e
source=$1 object=$2
shift 2
probe=$object/probe.c
list=$object/members.plain
sed -e '/^#/d' -e '/^$/d' "$source/members.list" >"$list"
{
    echo '#include "headers.h"'
    echo 'long members[] = {'
    sed 's/^[^ ]* *\(.*\)$/\1,/' "$list"
    echo '};'
} >"$probe"
# Without -ftrack-macro-expansion=0, errors would be placed in the macros' own lines.
failed=$("$@" -I"$source" -fsyntax-only -fmax-errors=0 -ftrack-macro-expansion=0 "$probe" 2>&1 |
    sed -n 's/^.*probe\.c:\([0-9]*\):[0-9]*: error:.*/\1/p' | sort -un | tr '\n' ' ')
# Line 1 of the probe includes a header: when that fails, nothing is known.
case " $failed" in
*" 1 "*) echo "probe.sh: the kernel's headers do not compile" >&2 && exit 1 ;;
esac
awk -v failed="$failed" '
    BEGIN { n = split(failed, lines, " "); for (i = 1; i <= n; i++) bad[lines[i] - 2] = 1 }
    !(NR in bad) { key = $1; sub(/^[^ ]+ +/, ""); print "MEMBER(\"" key "\", " $0 ")" }' "$list" >"$object/members.h"
[ -s "$object/members.h" ] || { echo "probe.sh: no member is known: does the compiler work?" >&2 && exit 1; }
rm -f "$list" "$probe"
