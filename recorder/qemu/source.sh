# Sourced by build.sh and series.sh, after tools/common.sh: QEMU's source package from Debian.
# shellcheck shell=bash

qemu_series=10.0
# The version found first is kept, until somebody asks for a newer one.
version_file=$panda_cache/qemu-version

# Newest version of the source package in trixie and its security archive.
resolve_version() {
    local best='' version
    say "looking for Debian's newest QEMU $qemu_series"
    private_apt_update qemu amd64 "$(source_line deb-src trixie)" "$(source_line deb-src trixie-security security)"
    for version in $(private_apt qemu amd64 apt-cache showsrc --only-source qemu |
        sed -n "s/^Version: //p" | grep -F ":$qemu_series."); do
        if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best"; then
            best=$version
        fi
    done
    [ -n "$best" ] || die "trixie has no source package qemu $qemu_series.x any more"
    echo "$best" >"$version_file.new"
    mv "$version_file.new" "$version_file"
}

# Where the three files of the source package are, once they are fetched.
source_directory() {
    local version
    version=$(cat "$version_file")
    echo "$panda_cache/qemu-source-${version#*:}"
}

# Fetches them, which apt verifies, if that has not been done. Callers hold the lock `qemu`.
fetch_source() {
    local version directory
    version=$(cat "$version_file")
    directory=$(source_directory)
    [ ! -e "$directory/complete" ] || return 0
    mkdir -p "$directory"
    [ -e "$panda_cache/apt/qemu/sources.list" ] || resolve_version
    say "downloading QEMU $version"
    (cd "$directory" && retry private_apt qemu amd64 apt-get -qq --download-only source "qemu=$version" >&2) ||
        die "cannot download the source of QEMU $version (if the mirror has a newer one only, use --update)"
    touch "$directory/complete"
}

# Debian's QEMU with Debian's own patches, in $1, which does not exist yet. $1.log has what dpkg-source says.
unpack_source() {
    say "unpacking QEMU $(cat "$version_file")"
    dpkg-source --no-check --extract "$(source_directory)"/*.dsc "$1" >"$1.log" 2>&1 ||
        die "cannot unpack the source: $(tail -n 1 "$1.log")"
}

# The source with this project's patches, in $1. $here is the directory of the patches' own.
unpack_patched() {
    local patch
    fetch_source
    unpack_source "$1"
    for patch in "$here"/patches/*.patch; do
        patch --directory="$1" --strip=1 --forward --fuzz=0 --no-backup-if-mismatch <"$patch" >>"$1.log" 2>&1 ||
            die "${patch##*/} does not apply: $(grep -m 1 -E 'FAILED|malformed|find file' "$1.log" || tail -n 1 "$1.log")"
    done
}
