#!/bin/bash
# Builds a disk image with a Debian system on it (ext4, no partitions, no boot loader) and keeps it in the cache. It is
# for guests that run real programs: panda-record --disk IMAGE, and a command that mounts /dev/vda.
#
# usage: disk.sh --name NAME [--suite RELEASE] [--packages LIST] [--size SIZE] [--copy FILE:PATH]… [--update]
#   The last line of standard output is the image, $PANDA_CACHE/disk-NAME-HASH.img.
#   --suite     the Debian release (default: the host's)
#   --packages  beside the essential ones, with commas
#   --size      of the image, as truncate takes it (default 3G; the file is sparse)
#   --copy      copies a file to this path of the disk, with its permissions
#   --update    makes the image again, of today's packages; without it an image that is there is used as it is, so that
#               what was recorded with it stays comparable
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
PATH=$PATH:/usr/sbin:/sbin

work='' name='' suite='' packages='' size=3G update=no
copies=()
while [ $# -gt 0 ]; do
    case $1 in
    --name) name=$2 ;;
    --suite) suite=$2 ;;
    --packages) packages=$2 ;;
    --size) size=$2 ;;
    --copy) copies+=("$2") ;;
    --update)
        update=yes
        shift
        continue
        ;;
    *) die "unknown argument $1" ;;
    esac
    shift 2
done
[ -n "$name" ] || die "usage: disk.sh --name NAME [--suite RELEASE] [--packages LIST] [--size SIZE] [--copy FILE:PATH]…"
[ -n "$suite" ] || suite=$(host_release)

# What the image is made of, but for the versions of the packages.
inputs() {
    echo "$suite $packages $size"
    local copy
    for copy in "${copies[@]}"; do
        echo "${copy#*:} $(stat -c %a "${copy%%:*}") $(sha256sum <"${copy%%:*}")"
    done
    sha256sum <"$here/disk.sh"
}
image=$panda_cache/disk-$name-$(inputs | sha256sum | cut -c 1-16).img

# As an unprivileged user, mmdebstrap needs user namespaces; mke2fs -d needs neither root nor a mount.
build() {
    local tree copy
    work=$(mktemp -d "$panda_cache/disk.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    tree=$work/tree.tar
    say "making a disk of Debian $suite with ${packages:-the essential packages}"
    mmdebstrap --quiet --variant=minbase --include="$packages" \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$tree" \
        "$(source_line deb "$suite")" >&2
    mkdir "$work/files"
    tar -C "$work/files" --exclude='./dev/*' -xf "$tree"
    rm "$tree"
    for copy in "${copies[@]}"; do
        install -D -m "$(stat -c %a "${copy%%:*}")" "${copy%%:*}" "$work/files/${copy#*:}"
    done
    truncate -s "$size" "$work/image"
    mke2fs -q -t ext4 -L panda -d "$work/files" "$work/image"
    mv "$work/image" "$image"
}

mkdir -p "$panda_cache"
exec 9>"$panda_cache/disk.lock"
flock 9
if [ "$update" = yes ] || [ ! -e "$image" ]; then
    build
fi
echo "$image"
