#!/bin/bash
# The module that is loaded into the guest must print the group that panda-kernelinfo makes from BTF, key by key.
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
guest=$(readlink -f "$build/libexec/panda/guest")
"$repository/tools/guest/build_module.sh" "$guest" "$repository/kernelinfo/module" .
# The module fails to load on purpose.
panda-record -o module.panda --copy-in kernelinfo.ko:/root/ -- sh -c 'insmod /root/kernelinfo.ko && exit 1; dmesg' >dmesg
panda-kernelinfo "$guest/vmlinuz" >btf.conf
group_from_dmesg module <dmesg >module.conf
# The one value that only a running kernel knows.
keys() { grep -v -e '^#' -e '^\[' -e '^task.per_cpu_offset_0_addr ' "$1" | sort -u; }
keys btf.conf >expected
keys module.conf >got
[ "$(wc -l <expected)" -gt 90 ] || fail "too few keys: $(wc -l <expected)"
diff expected got || fail "the module differs from BTF"
panda-replay --quiet --trace module.capnp module.panda
panda-analyze osi --kconf module.conf --kconf-group module module.capnp | grep -q ' kthreadd$' || fail "osi cannot use it"
echo "ok: $(wc -l <got) keys"
