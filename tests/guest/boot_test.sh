#!/bin/bash
# From power-on to power-off: usage: boot_test.sh BUILD [REPLAYS]
. "$(dirname "$0")/common.sh"
record_and_replay boot "${2:-3}" --boot
grep -q 'workload: end' boot.out || fail "the workload did not end"
