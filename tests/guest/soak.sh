#!/bin/bash
# Randomly drawn machines, recorded at random moments, with resets in a third of the recordings: each must replay.
# Run it by hand: 100 take about half an hour. usage: soak.sh BUILD [RECORDINGS] [SEED]
. "$(dirname "$0")/common.sh"
guest=$("$repository/tools/guest/build.sh" --kernel linux-image-amd64 | tail -n 1)
mkdir files
head -c 3000000 /dev/urandom >files/bytes
/sbin/mke2fs -q -F -t ext4 -d files disk.img 16M
python3 "$repository/tests/guest/soak/soak.py" "$guest" disk.img "${2:-100}" "${3:-$RANDOM}"
