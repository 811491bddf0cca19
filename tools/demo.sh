#!/bin/bash
# Everything from start to end on a fresh Debian machine: set up, build, record a command in a real Linux guest, replay
# it into a trace, and list the guest's processes from the trace alone. usage: tools/demo.sh [DIRECTORY FOR THE FILES]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
cd "$here/.."

# Shows a command, then runs it.
run() {
    printf '\n\033[1m$ %s\033[0m\n' "$*"
    "$@"
}

run tools/setup.sh
run cmake --preset release -DPANDA_CACHE="$panda_cache"
run cmake --build --preset release

PATH=$PWD/build/bin:$PATH
if [ $# -gt 0 ]; then
    mkdir -p "$1"
    cd "$1"
else
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    cd "$scratch"
fi
guest=$("$here/guest/build.sh")

run panda-record --force -o demo.panda -- ls -l /proc
run panda-recording info demo.panda
run panda-replay --force --trace out.capnp demo.panda
run panda-trace info out.capnp
printf '\n\033[1m$ %s\033[0m\n' "panda-kernelinfo $guest/vmlinuz > kernelinfo.conf"
panda-kernelinfo "$guest/vmlinuz" >kernelinfo.conf
run head -n 12 kernelinfo.conf
run panda-analyze osi --kconf kernelinfo.conf out.capnp
