#!/bin/bash
# Fuzzes one parser. usage: tests/fuzz/run.sh [NAME SECONDS [LIBFUZZER-OPTION…]]    without arguments: lists the names
#
# Builds the preset "fuzz" as far as NAME needs it, makes what the fuzzer begins with, and runs two jobs, which share
# what they find interesting in build-fuzz/corpus/NAME; a later run goes on from there. Inputs that break something go to
# build-fuzz/findings/NAME, beside the jobs' logs. Exit status: 0 nothing was found, 1 something was, 2 it could not run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/common.sh"
jobs=2

names() {
    (cd "$here" && for source in *_fuzz.cc; do echo "${source%.cc}"; done)
}

cannot_run() {
    say "$*"
    exit 2
}

build() { # target…
    if [ ! -e "$build/build.ninja" ]; then
        (cd "$here/../.." && cmake --preset fuzz -B "$build" -DPANDA_CACHE="$panda_cache") >&2
    fi
    cmake --build "$build" --target "$@" >&2
}

# Files of the format, for the fuzzers that take whole files; the others change a sample of their own.
make_corpus() { # directory
    mkdir -p "$1"
    case $name in
    trace_reader_fuzz | trace_follow_fuzz) build trace_corpus && "$build/bin/trace_corpus" "$1" ;;
    osi_symbols_fuzz)
        # The first byte says how it is read.
        echo 'int f(int a) { return a + 1; }' | gcc -g -shared -fPIC -o "$1/library" -x c -
        (cd "$1" && printf '\0' | cat - library >mapped && printf '\1' | cat - library >file && rm library)
        ;;
    recording_fuzz | trace_operations_fuzz | taint_engine_fuzz) "$build/bin/$name" --write-corpus "$1" >&2 ;;
    esac
}

case $# in
0) names && exit ;;
1) cannot_run "usage: run.sh [NAME SECONDS [LIBFUZZER-OPTION…]]" ;;
esac
name=$1 seconds=$2
shift 2
names | grep -qxF -- "$name" || cannot_run "there is no $name; the names: $(names | paste -sd ' ')"
[[ $seconds =~ ^[1-9][0-9]*$ ]] || cannot_run "not a number of seconds: $seconds"

build=$(realpath -m "${PANDA_FUZZ_BUILD:-$here/../../build-fuzz}")
build "$name" || cannot_run "$name does not build"
corpus=$build/corpus/$name findings=$build/findings/$name
make_corpus "$corpus" || cannot_run "no corpus for $name"
mkdir -p "$findings"
cd "$findings"
rm -f -- fuzz-*.log

status=0
"$build/bin/$name" -jobs=$jobs -workers=$jobs -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$findings/" "$@" "$corpus" >jobs.out 2>&1 || status=$?
inputs=$(awk '$1 == "stat::number_of_executed_units:" { sum += $2 } END { print sum + 0 }' fuzz-*.log)
if [ "$status" = 0 ]; then
    # A fuzzer that cannot start its work does not fail by itself.
    [ "$inputs" -gt 0 ] || cannot_run "$name tried no input: $findings/jobs.out"
    echo "$name: nothing found in $inputs inputs"
    exit 0
fi
cat fuzz-*.log
echo "$name: FOUND something, in $findings: $(find . -type f ! -name '*.log' ! -name '*.out' -newer "$corpus" -printf '%f ')"
exit 1
