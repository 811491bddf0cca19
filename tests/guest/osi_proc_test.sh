#!/bin/bash
# All that introspection says about processes of every kind must be what /proc said, line by line: with the group that
# ships, and with only the guest's own memory.
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
guest=$build/libexec/panda/guest
record_population guest "$(readlink -f "$guest")"
panda-kernelinfo "$guest/vmlinuz" >kernelinfo.conf
compare_population guest --kconf kernelinfo.conf
without_kernelinfo
compare_population guest
