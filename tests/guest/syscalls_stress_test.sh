#!/bin/bash
# No call, signal or end may be lost or invented when 200 processes fork, execute, signal and exit: the counts must be
# those of the processes themselves.
. "$(dirname "$0")/common.sh"
# Further arguments are for panda-record, for example --guest DIRECTORY for another kernel.
[ $# -eq 0 ] || shift
gcc -O1 -static -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fno-pie -no-pie -Wall -Wextra -Werror \
    -o stress "$repository/tests/guest/counted/stress.c"
panda-record "$@" -o stress.panda --copy-in stress:/tmp/ -- /tmp/stress >counts
panda-replay --quiet --trace stress.capnp stress.panda
panda-analyze syscalls --quiet --json -f -p stress stress.capnp >ours.json 2>warnings
[ ! -s warnings ] || fail "$(cat warnings)"
tr -d '\r' <counts | /usr/bin/python3 "$repository/tests/guest/compare_counts.py" ours.json /dev/stdin ||
    fail "calls differ from what the processes counted"
