#!/bin/bash
# Records from power-on to power-off, and replays. usage: boot_test.sh BUILD [REPLAYS]
. "$(dirname "$0")/common.sh"
record_and_replay boot "${2:-3}" --boot
grep -q 'workload: end' boot.out || fail "the workload did not end"
