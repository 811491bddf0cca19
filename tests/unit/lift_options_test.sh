#!/usr/bin/env bash
# Options of panda-analyze lift that would do nothing are refused before the trace is opened: exit code 2, and one line
# that names them.
#
# usage: lift_options_test.sh PROGRAM
set -euo pipefail

program=$1

# refused TEXT OPTION...: the message has TEXT.
refused() {
    local text=$1 code=0 message
    shift
    message=$("$program" "$@" no-such.capnp 2>&1) || code=$?
    if [ "$code" -ne 2 ] || [[ "$message" != *"$text"* ]]; then
        echo "FAIL: $*: exit code $code, $message" >&2
        exit 1
    fi
}

refused "--check does not go with --block" --check --block 1
refused "--check does not go with --pc" --check --pc 0x1000
refused "--check does not go with --asid" --check --asid 0x1000
refused "--check does not go with --symbol" --check --symbol schedule
refused "--check does not go with --output" --check -o none.ll
refused "--check does not go with --link" --check --link
refused "--link needs --output" --link
refused "--optimize takes a level from 0 to 3" -O 4

# Options that agree go as far as the trace, which is not there.
code=0
"$program" --check --range 0:10 no-such.capnp 2>/dev/null || code=$?
if [ "$code" -ne 1 ]; then
    echo "FAIL: --check with --range: exit code $code" >&2
    exit 1
fi
echo "ok"
