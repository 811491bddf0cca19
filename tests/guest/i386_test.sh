#!/bin/bash
# A Debian 686 kernel.
. "$(dirname "$0")/common.sh"
guest=$("$repository/tools/guest/build.sh" --kernel linux-image-686)
record_and_replay machine 1 --guest "$guest" -- uname -m
grep -qx i686 machine.out || fail "not an i686: $(cat machine.out)"
record_and_replay pipe 2 --guest "$guest" -- workload-pipe
record_and_replay max 2 --guest "$guest" --cpu max -- workload-gzip
record_and_replay boot 2 --guest "$guest" --boot
