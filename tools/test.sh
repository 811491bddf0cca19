#!/bin/bash
# Everything that must hold before a change goes in: set-up, both builds, unit and guest tests, formatting.
# usage: tools/test.sh [--quick]    --quick leaves out the guest tests and the sanitizer builds
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
cd "$here/.." || exit 1

quick=no
case ${1:-} in
--quick) quick=yes ;;
'') ;;
*) say "unknown argument $1" && exit 2 ;;
esac

summary=()
failures=0
begin=$SECONDS

# step TITLE COMMAND…: runs the command, shows what it prints, and remembers how it went.
step() {
    local title=$1 start=$SECONDS result=ok
    shift
    printf '\n=== %s\n' "$title"
    if ! "$@"; then
        result=FAILED
        failures=$((failures + 1))
    fi
    summary+=("$(printf '%-28s %-7s %4d s' "$title" "$result" $((SECONDS - start)))")
    [ "$result" = ok ]
}

build() { # preset [ARGUMENT…]
    cmake --preset "$1" -DPANDA_CACHE="$panda_cache" && cmake --build --preset "$@"
}

unit_tests() { # preset
    ctest --preset "$1" --label-exclude 'guest|slow' -j 2
}

guest_tests() {
    ctest --preset release --label-regex guest
}

# The parts that use threads, for the thread sanitizer.
build_thread_tests() {
    build thread --target engine_test recording_test trace_test trace_read_test
}

thread_tests() {
    ctest --preset thread --label-regex threads -j 2
}

# Guests leave much of the second processor idle. The sanitizer builds, which are next, use it.
begin_sanitizer_build() {
    sanitizer_log=$(mktemp)
    (
        renice -n 19 "$BASHPID" >/dev/null
        build sanitize && build_thread_tests
    ) >"$sanitizer_log" 2>&1 </dev/null &
    sanitizer_build=$!
    trap 'kill "$sanitizer_build" 2>/dev/null; rm -f "$sanitizer_log"' EXIT
}

end_sanitizer_build() {
    local result=0
    wait "$sanitizer_build" || result=$?
    cat "$sanitizer_log"
    return "$result"
}

formatting() {
    local formatter=clang-format-19
    git ls-files -z '*.h' '*.cc' | xargs -0 "$formatter" --dry-run -Werror
}

finish() {
    printf '\n=== summary\n'
    printf '%s\n' "${summary[@]}"
    if [ "$failures" = 0 ]; then
        printf 'all passed in %d s\n' $((SECONDS - begin))
    else
        printf '%d FAILED, %d s\n' "$failures" $((SECONDS - begin))
        exit 1
    fi
}

# Without these nothing else can run.
step "set-up" "$here/setup.sh" || finish
step "formatting" formatting
step "scripts" "$here/lint.sh" scripts
step "build" build release || finish
step "clang-tidy" "$here/lint.sh" changes
step "unit tests" unit_tests release
if [ "$quick" = no ]; then
    begin_sanitizer_build
    step "guest tests" guest_tests
    if step "rest of the sanitizer builds" end_sanitizer_build; then
        step "sanitizer unit tests" unit_tests sanitize
        step "thread sanitizer's tests" thread_tests
    fi
fi
finish
