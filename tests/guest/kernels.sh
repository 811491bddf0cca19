# Sourced by what runs on several kernels.
# shellcheck shell=bash

# guest_of KERNEL: the directory of a guest with that kernel, which is made if it is not there. KERNEL is SUITE:PACKAGE, for
# example trixie:linux-image-cloud-amd64, a .deb file or a kernel image.
guest_of() {
    local arguments=(--kernel "$1")
    case $1 in
    *.deb | */*) ;;
    *:*) arguments=(--suite "${1%%:*}" --kernel "${1#*:}") ;;
    esac
    "$(dirname "${BASH_SOURCE[0]}")/../../tools/guest/build.sh" "${arguments[@]}" | tail -n 1
}
