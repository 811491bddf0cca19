#!/bin/bash
# --copy-in copies contents, modes and directories, and does not take new contents for old ones.
. "$(dirname "$0")/common.sh"
mkdir -p tree/sub
head -c 2000000 /dev/urandom >tree/sub/random
# shellcheck disable=SC2016  # for the guest
printf '#!/bin/sh\necho "I am $0 $1"\n' >program
chmod +x program
panda-record -o one.panda --copy-in tree:/opt/ --copy-in program:/root/run -- \
    sh -c 'md5sum </opt/tree/sub/random; /root/run here' >out
{ md5sum <tree/sub/random && echo "I am /root/run here"; } | cmp - out
panda-replay --quiet one.panda
head -c 2000000 /dev/urandom >tree/sub/random
panda-record -o two.panda --copy-in tree:/opt/ -- md5sum /opt/tree/sub/random | cut -d' ' -f1 >out
md5sum <tree/sub/random | cut -d' ' -f1 | cmp - out
