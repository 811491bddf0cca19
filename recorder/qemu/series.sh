#!/bin/bash
# The patches as a branch in git, to be changed there and written back.
#
# usage: series.sh unpack DIRECTORY   QEMU's source in a new git repository: the tag `base` is Debian's source, and the
#                                     branch `series` has a commit for each patch
#        series.sh export DIRECTORY   makes patches/ from the commits that stand behind the tag `base` there
#        series.sh check              both, elsewhere: fails when that would change patches/
# What is exported depends on the commits alone, not on git's settings or the time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/common.sh"
. "$here/source.sh"

# git as it comes, whatever the user's settings are. Committers do not show in patches.
plain_git() {
    env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_COMMITTER_NAME=PANDA \
        GIT_COMMITTER_EMAIL=panda@localhost git -C "$@"
}

unpack() {
    local directory=$1
    [ ! -e "$directory" ] || die "$directory exists"
    # Whoever builds QEMU holds the lock for minutes; what is fetched already needs none.
    [ -e "$version_file" ] || (with_lock qemu && resolve_version)
    [ -e "$(source_directory)/complete" ] || (with_lock qemu && fetch_source)
    unpack_source "$directory"
    rm "$directory.log"
    plain_git "$directory" init --quiet --initial-branch=series
    # Of everything, also of what QEMU ignores; a source package has what is built elsewhere.
    plain_git "$directory" add --all --force .
    plain_git "$directory" commit --quiet --author='Debian <debian@localhost>' --message="QEMU $(cat "$version_file")"
    plain_git "$directory" tag base
    plain_git "$directory" am --quiet "$here"/patches/*.patch ||
        die "a patch does not apply: mend it in $directory, go on with \`git am --continue\`, and export"
}

# The commits of $1 as patches in $2, which is empty.
format() {
    plain_git "$1" format-patch --quiet --output-directory "$2" --no-numbered --zero-commit --no-signature --no-stat \
        --no-renames --abbrev=12 base..HEAD
}

export_patches() {
    local directory=$1 new state
    [ -z "$(git -C "$directory" status --porcelain)" ] || die "$directory has changes that are not committed"
    for state in rebase-merge rebase-apply; do
        [ ! -e "$directory/.git/$state" ] || die "$directory is in the middle of a rebase"
    done
    [ "$(git -C "$directory" rev-list --count base..HEAD)" -gt 0 ] || die "$directory has no commit behind \`base\`"
    new=$(mktemp -d "$here/patches.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$new'" EXIT
    format "$directory" "$new"
    rm -f "$here"/patches/*.patch
    mv "$new"/*.patch "$here/patches/"
    say "$(git -C "$directory" rev-list --count base..HEAD) patches are in $here/patches"
}

check() {
    local scratch
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/panda-series.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$scratch'" EXIT
    unpack "$scratch/qemu"
    format "$scratch/qemu" "$scratch/patches"
    diff -r "$here/patches" "$scratch/patches" || die "exporting would change the patches"
    say "exporting changes none of the $(find "$scratch/patches" -name '*.patch' | wc -l) patches"
}

case "${1:-} $#" in
"unpack 2") unpack "$2" ;;
"export 2") export_patches "$2" ;;
"check 1") check ;;
*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2 && exit 2 ;;
esac
