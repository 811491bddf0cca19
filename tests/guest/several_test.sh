#!/bin/bash
# Tests several analyzers in one go: what they find while a recording is replayed, from one stream, and side by side from a
# file must be what each one finds alone.
. "$(dirname "$0")/common.sh"
panda-record -o ls.panda -- ls -l /proc >ls.out
panda-replay --quiet --trace ls.capnp ls.panda
spec='asidstory:summary;blocks:top=20,no_names;coverage:privilege=user;edge_coverage:n=2;syscalls:summary'
mkdir alone
panda-analyze asidstory --summary - <ls.capnp >alone/asidstory.out
panda-analyze blocks --top 20 --no-names - <ls.capnp >alone/blocks.out
panda-analyze coverage --privilege user - <ls.capnp >alone/coverage.out
panda-analyze edge_coverage --n 2 - <ls.capnp >alone/edge_coverage.out
panda-analyze syscalls --summary - <ls.capnp >alone/syscalls.out
panda-replay --quiet --panda "$spec" --results replayed ls.panda
panda-analyze --panda "$spec" --results piped --quiet - <ls.capnp
for results in replayed piped; do
    diff -r alone "$results" || fail "$results: not what each one finds alone"
done
# What blocks needs is less than what syscalls needs.
[ "$(panda-analyze --panda 'blocks;coverage' --needs)" = blocks ] || fail "--needs of blocks"
[ "$(panda-analyze --panda 'blocks;syscalls' --needs)" = full ] || fail "--needs of syscalls"
# Without a directory, one after the other; with the status of the one that fails.
expect_status 0 panda-replay --quiet --panda 'blocks:top=1;coverage:summary' ls.panda >both
[ "$(grep '^==>' both | tr '\n' ' ')" = '==> blocks <== ==> coverage <== ' ] || fail "both: $(cat both)"
expect_status 2 panda-replay --quiet --panda 'blocks:top=x;coverage:summary' ls.panda >one 2>errors
grep -q 'blocks: exit status 2' errors || fail "errors: $(cat errors)"
grep -q '^ *[0-9]' one || fail "the other one has found nothing"
expect_status 2 panda-replay --quiet --panda 'nothing' ls.panda 2>errors
grep -q 'no analyzer nothing' errors || fail "errors: $(cat errors)"
expect_status 2 panda-analyze memsavep ls.panda 2>errors
grep -q 'memsavep tells, panda-analyze memdump --at does' errors || fail "errors: $(cat errors)"
echo "ok: five analyzers at once"
