#!/bin/bash
# Tests keyfind: openssl's server and client talk in the guest, by TLS 1.2 and 1.3, and a program there captures the packets.
# The secrets that keyfind finds must be those of the server's key log, it must find them in the client as well, which logs
# nothing, and tshark must read the sessions with them. usage: keyfind_test.sh BUILD [GUEST]
. "$(dirname "$0")/common.sh"
command -v openssl tshark >/dev/null || fail "openssl and tshark are missing; tools/setup.sh installs them"
guest=$(readlink -f "${2:-$build/libexec/panda/guest}")
mkdir -p copy/tmp copy/lib64
gcc -O2 -Wall -Wextra -Werror -static -o copy/tmp/sniff "$repository/tests/guest/tls/sniff.c"
libraries_of "$(command -v openssl)" | xargs cp -Lt copy/lib64
cp -L "$(command -v openssl)" copy/tmp/
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=guest -keyout copy/tmp/key.pem \
    -out copy/tmp/cert.pem 2>/dev/null
cat >copy/tmp/run <<'SCRIPT'
export LD_LIBRARY_PATH=/lib64 OPENSSL_CONF=/dev/null
cd /tmp
ifconfig lo up 127.0.0.1 || ip link set lo up
/tmp/sniff lo /tmp/capture >/tmp/ready &
sniff=$!
while ! grep -q ready /tmp/ready; do sleep 0.1; done
talk() { # port option
    (sleep 60 | ./openssl s_server -accept $1 -key key.pem -cert cert.pem -naccept 1 -rev -quiet -keylogfile keys.$1 $2 2>&1) &
    server=$!
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        grep -q ":$(printf %04X $1) 00000000:0000 0A\|:$(printf %04X $1) 0*:0000 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null && break
        sleep 0.2
    done
    (echo "question-$1"; sleep 1) | ./openssl s_client -connect 127.0.0.1:$1 -quiet -no_ign_eof $2 2>/dev/null | head -n 1
    kill $server 2>/dev/null
    sed "s/^/keys /" keys.$1
}
talk 4412 -tls1_2
talk 4413 -tls1_3
sleep 0.3
kill $sniff
wait $sniff
od -An -v -tx1 /tmp/capture | sed 's/^/capture /'
SCRIPT
panda-record -o run.panda --guest "$guest" --copy-in copy/tmp:/tmp --copy-in copy/lib64:/lib64 -- sh /tmp/run >run.out ||
    fail "the programs: exit status $?"
tr -d '\r' <run.out >said
for port in 4412 4413; do
    grep -q "^${port:3:1}${port:2:1}${port:1:1}${port:0:1}-noitseuq\$" said || fail "no answer from $port: $(grep -v '^capture' said | head -n 20)"
done
sed -n 's/^capture //p' said | /usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >capture.pcap
sed -n 's/^keys \([A-Z]\)/\1/p' said | grep -v EXPORTER | sort >truth
panda-replay --quiet --trace run.capnp run.panda
panda-analyze keyfind --capture capture.pcap --json --quiet run.capnp >found || fail "keyfind: exit status $?"
sort keyfind_keylog.txt >log
diff truth log || fail "the key log is another one than openssl's"
/usr/bin/python3 - <<'PYTHON' || fail "the secrets are not at their places"
import json

secrets = [json.loads(line) for line in open("found")]
assert len(secrets) == 5, len(secrets)
# In the programs, and not in the server alone, which has them in its key log.
for secret in secrets:
    programs = {tap["asid"] for tap in secret["taps"]} - {"0x0"}
    assert len(programs) >= 2, secret
matches = {tuple(line.split()) for line in open("key_matches.txt")}
taps = {tuple("%016x" % int(tap[one], 16) for one in ("caller", "pc", "asid")) for secret in secrets for tap in secret["taps"]}
assert matches == taps
print(f"ok: {len(secrets)} secrets at {len(taps)} taps")
PYTHON
for port in 4412 4413; do
    tshark -r capture.pcap -o tls.keylog_file:keyfind_keylog.txt -d tcp.port==$port,tls -q \
        -z "follow,tls,ascii,$((port - 4412))" >text 2>/dev/null
    grep -q "question-$port" text || fail "tshark does not read the question: $(cat text)"
    grep -q "${port:3:1}${port:2:1}${port:1:1}${port:0:1}-noitseuq" text || fail "tshark does not read the answer: $(cat text)"
done
tshark -r capture.pcap -d tcp.port==4413,tls -q -z follow,tls,ascii,1 2>/dev/null | grep -q question && fail "the session is not encrypted"
echo "ok: tshark reads both sessions"

# A list of taps is enough, and much faster.
cp key_matches.txt tap_points.txt
panda-analyze keyfind --capture capture.pcap --tap-points tap_points.txt --keylog again.txt --quiet run.capnp >/dev/null
sort again.txt | diff - truth || fail "the taps that were found do not have the secrets"
