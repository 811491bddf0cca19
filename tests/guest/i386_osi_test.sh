#!/bin/bash
# Compares introspection of a Debian 686 kernel, which has no BTF, with /proc, line by line, by the group that the
# module prints. usage: i386_osi_test.sh BUILD [KERNEL-PACKAGE]; linux-image-686-pae has page tables of 64-bit entries
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
guest=$("$repository/tools/guest/build.sh" --kernel "${2:-linux-image-686}")
"$repository/tools/guest/build_module.sh" "$guest" "$repository/kernelinfo/module" .
panda-record -o module.panda --guest "$guest" --copy-in kernelinfo.ko:/root/ -- \
    sh -c 'insmod /root/kernelinfo.ko && exit 1; dmesg' >dmesg
group_from_dmesg i386-guest <dmesg >module.conf
record_population guest "$guest"
compare_population guest --kconf module.conf
# Also by the group from this kernel's debug package, if it ships.
release=$(sed -n 's/^name = \([^|]*\)|.*/\1/p' module.conf)
if grep -q "^\[debian:$release:32\]" "$repository/kernelinfo/kernelinfo.conf"; then
    compare_population guest --kconf "$repository/kernelinfo/kernelinfo.conf" --kconf-group "debian:$release:32"
fi
