# Sourced by this project's scripts. Has the cache directory, messages, and apt with a state of its own.
# shellcheck shell=bash

# What is costly to make and the same for every clone. CMakeLists.txt has the same rule.
panda_cache=${PANDA_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/panda}
debian_mirror=${PANDA_DEBIAN_MIRROR:-http://deb.debian.org/debian}
debian_security=${PANDA_DEBIAN_SECURITY:-http://deb.debian.org/debian-security}
debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# The code name of the running Debian release, for example bookworm.
host_release() {
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -n "$codename" ] || die "/etc/os-release does not name a Debian release"
    echo "$codename"
}

# One line of a sources.list, signed by Debian's own keys: source_line deb|deb-src SUITE [security]
source_line() {
    local mirror=$debian_mirror
    [ "${3:-}" != security ] || mirror=$debian_security
    echo "$1 [signed-by=$debian_keyring] $mirror $2 main"
}

# private_apt NAME ARCHITECTURE TOOL ARGUMENTS…: runs apt-get or apt-cache on $panda_cache/apt/NAME alone. The
# machine's own sources and lists are neither read nor changed and nobody has to be root, because nothing is ever
# installed this way. Signatures are checked as usual.
private_apt() {
    local directory=$panda_cache/apt/$1 architecture=$2 tool=$3
    shift 3
    "$tool" \
        -o Dir::State="$directory/state" -o Dir::State::status=/dev/null -o Dir::Cache="$directory/cache" \
        -o Dir::Etc::SourceList="$directory/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o APT::Architecture="$architecture" -o APT::Architectures::="$architecture" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=5 -o Acquire::Languages=none \
        "$@"
}

# private_apt_update NAME ARCHITECTURE LINE…: makes the state NAME with these sources and reads their lists. The first
# line is needed. When the others (updates, security) cannot be read, it says so and goes on without them, because a
# mirror that is half-way through an update of its own should not stop a build.
# Callers hold a lock, because apt's own lock makes a second update fail.
private_apt_update() {
    local name=$1 architecture=$2 directory=$panda_cache/apt/$1
    shift 2
    [ -r "$debian_keyring" ] || die "$debian_keyring is missing (package debian-archive-keyring)"
    mkdir -p "$directory/state/lists/partial" "$directory/cache/archives/partial"
    printf '%s\n' "$@" >"$directory/sources.list"
    if retry private_apt "$name" "$architecture" apt-get -qq update >"$directory/log" 2>&1; then
        return 0
    fi
    say "only ${1#*] } can be read ($(grep -m 1 '^E:' "$directory/log"))"
    echo "$1" >"$directory/sources.list"
    retry private_apt "$name" "$architecture" apt-get -qq update >"$directory/log" 2>&1 ||
        die "cannot read the package lists: $(grep -m 1 '^E:' "$directory/log")"
}

# Runs a command up to three times, because mirrors have bad moments.
retry() {
    local attempt
    for attempt in 1 2 3; do
        "$@" && return 0
        [ "$attempt" = 3 ] || sleep $((attempt * 5))
    done
    return 1
}

# with_lock NAME: holds $panda_cache/NAME.lock until this shell ends; says so when it has to wait.
with_lock() {
    mkdir -p "$panda_cache"
    exec {panda_lock}>"$panda_cache/$1.lock"
    if ! flock -n "$panda_lock"; then
        say "waiting for another run ($1)"
        flock "$panda_lock"
    fi
}
