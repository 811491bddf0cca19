#!/bin/bash
# Writes a kernelinfo.conf that knows the guest's kernel: the groups of another file, and the group that
# panda-kernelinfo makes of the guest's own kernel, in place of one of the same name. Debian's kernel moves on; so this
# runs at every build. A kernel without BTF adds nothing.
# usage: kernelinfo.sh PANDA-KERNELINFO GROUPS GUEST OUTPUT
set -euo pipefail
program=$1 groups=$2 guest=$3 output=$4

if ! group=$("$program" "$guest/vmlinuz" 2>/dev/null); then
    group=''
fi
{
    heading=$(sed -n 1p <<<"$group")
    awk -v heading="$heading" '/^\[/ { skipped = heading != "" && $0 == heading } !skipped' "$groups"
    [ -z "$group" ] || printf '\n%s\n' "$group"
} >"$output.new"
if cmp -s "$output.new" "$output"; then
    rm "$output.new"
else
    mv "$output.new" "$output"
fi
