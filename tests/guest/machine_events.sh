#!/bin/bash
# What happens to a machine from outside: it sleeps (S3) and is woken, and the monitor injects a corrected and a fatal machine
# check. The recording replays. Run it by hand: it takes two minutes of processor time. usage: machine_events.sh BUILD
. "$(dirname "$0")/common.sh"
guest=$("$repository/tools/guest/build.sh" --kernel linux-image-amd64 | tail -n 1)
mkdir -p overlay/bin
cat >overlay/bin/workload-boot <<'GUEST'
#!/bin/busybox sh
echo mem >/sys/power/state
echo awake
echo 1 >/sys/devices/system/machinecheck/machinecheck0/check_interval
until dmesg | grep -q 'Machine check events logged'; do
    sleep 0.2
done
echo 'corrected error seen'
sleep 1000
GUEST
chmod +x overlay/bin/workload-boot
{
    cat "$guest/initrd"
    (cd overlay && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -1)
} >initrd
/usr/bin/python3 "$repository/tests/guest/soak/events.py" "$guest" initrd || fail "recording"
panda-recording verify --quiet events.panda
panda-replay --quiet --serial replayed.txt events.panda || fail "the replay"
cmp recorded.txt replayed.txt || fail "the replay printed something else"
echo "ok: $(stat -c %s events.panda) bytes"
