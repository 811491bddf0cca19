#!/bin/bash
# All that introspection says of processes of every kind is what /proc said, line by line: with the group that ships, and
# with nothing but the guest's own memory.
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
guest=$build/libexec/panda/guest
record_population guest "$(readlink -f "$guest")"
panda-kernelinfo "$guest/vmlinuz" >kernelinfo.conf
compare_population guest --kconf kernelinfo.conf
without_kernelinfo
compare_population guest
