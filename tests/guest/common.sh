# Sourced by the guest tests: programs of the build, a scratch directory, and checks. CTest calls each test with the
# build directory; a test that cannot run here exits with 77 (skipped).
# shellcheck shell=bash
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${1:-$repository/build}" && pwd)
PATH=$build/bin:$PATH
scratch=$(mktemp -d "${TMPDIR:-/tmp}/panda-guest-test.XXXXXX")

# Nothing is left behind, whatever ends the test: neither files nor recorders in the background.
clean_up() {
    local job
    for job in $(jobs -p); do
        kill "$job" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "skipped: $*" >&2
    exit 77
}

# expect_status STATUS COMMAND…
expect_status() {
    local wanted=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" = "$wanted" ] || fail "exit status $status instead of $wanted: $*"
}

# expect_complaint PATTERN COMMAND…: the command must fail, with status 1 or 2, with one line on standard error that
# matches, and with nothing on standard output.
expect_complaint() {
    local pattern=$1 status=0
    shift
    "$@" >complaint.out 2>complaint.err || status=$?
    [ "$status" = 1 ] || [ "$status" = 2 ] || fail "exit status $status: $*: $(cat complaint.err)"
    [ "$(wc -l <complaint.err)" = 1 ] || fail "not one line but: $(cat complaint.err)"
    [ ! -s complaint.out ] || fail "it printed: $(head -n 1 complaint.out)"
    grep -qiE -- "$pattern" complaint.err || fail "no \"$pattern\" in: $(cat complaint.err)"
    echo "ok: $(cat complaint.err)"
}

# record_and_replay NAME TIMES RECORD-ARGUMENTS…: records, checks the file, replays it that many times, and compares
# what the guest printed in the recording and in each replay.
record_and_replay() {
    local name=$1 times=$2 round
    shift 2
    panda-record --force -o "$name.panda" "$@" >"$name.out" || fail "recording $name: exit status $?"
    panda-recording verify --quiet "$name.panda" || fail "$name.panda is not whole"
    for round in $(seq "$times"); do
        panda-replay --quiet --force --serial "$name.serial" "$name.panda" || fail "replay $round of $name"
        cmp "$name.out" "$name.serial" || fail "replay $round of $name printed something else"
    done
    echo "ok: $name, $times replays, $(stat -c %s "$name.panda") bytes, $(wc -c <"$name.out") bytes printed"
}

# libraries_of PROGRAM: the shared libraries that it loads, and their loader.
libraries_of() {
    ldd "$1" 2>/dev/null | sed -n 's/.* => \(\/[^ ]*\).*/\1/p; s/^\s*\(\/lib64[^ ]*\).*/\1/p'
}

# add_strace: puts this machine's strace with its libraries into tree/, and a program that runs it once tree is
# /opt/tree in the guest: /opt/tree/traced STRACE-ARGUMENTS…
add_strace() {
    local strace
    strace=$(command -v strace) || skip "no strace on this machine"
    mkdir -p tree
    libraries_of "$strace" | xargs cp -Lt tree "$strace"
    cat >tree/traced <<'GUEST'
#!/bin/sh
mkdir -p /lib64
cp /opt/tree/ld-linux-x86-64.so.2 /lib64/
LD_LIBRARY_PATH=/opt/tree exec /opt/tree/strace -E LD_LIBRARY_PATH= "$@"
GUEST
    chmod +x tree/traced
}
