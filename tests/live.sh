#!/bin/sh
# The live path from end to end: a veth pair between two network namespaces, tcpreplay on one end, `writ run` with AF_XDP on the
# other, and `writ lemf` behind it. `tests/live.sh WRIT` with the binary; root only. Exit 77 and a line that begins with SKIPPED
# where it cannot be run.
#
# Everything that is due is found in the store, octet for octet, and nothing else; the metrics agree with what was sent; SIGTERM
# drains. WRIT_LIVE_PACE is packets a second (4000), WRIT_LIVE_QUEUES receive queues (2).
set -eu
writ=$(realpath "${1:?the writ binary}")
here=$(cd "$(dirname "$0")" && pwd)
oracle="$here/oracle"
pace=${WRIT_LIVE_PACE:-4000}
queues=${WRIT_LIVE_QUEUES:-2}
export PYTHONDONTWRITEBYTECODE=1

test=live
# shellcheck source=tests/tap.sh
. "$here/tap.sh"

captures=""
last="$here/captures/demo.pcap"
for capture in "$here"/captures/*.pcap; do
    # One has 1100 recipients, each of which would be a target; one is played at the end.
    case $capture in */recipients-1100.pcap | "$last") ;; *) captures="$captures $capture" ;; esac
done
# shellcheck disable=SC2086 # a list of names without spaces
python3 "$oracle/warrants.py" $captures "$last" >"$work/warrants.toml"
configure
start

# The same packets as one of the captures has, between ports that are not mail's.
other=$(python3 - "$oracle" "$here/captures/plain.pcap" "$work/other.pcap" <<'END'
import dataclasses
import sys

sys.path.insert(0, sys.argv[1])
import frames

moved = [dataclasses.replace(packet, tcp=b"\x1f\x90\x00\x50" + packet.tcp[4:]) for packet in frames.read(sys.argv[2])]
frames.write(sys.argv[3], [(packet.time, packet.frame()) for packet in moved])
print(len(moved))
END
)
# shellcheck disable=SC2086
play "$work/other.pcap" $captures

# Until everything is there, or for so long.
waited=0
# shellcheck disable=SC2086
until python3 "$oracle/store.py" "$work/store" "$work/warrants.toml" $captures >"$work/store.log"; do
    waited=$((waited + 1))
    [ "$waited" -lt 20 ] || break
    sleep 0.5
done
page >"$work/page" || fail "no metrics"
# shellcheck disable=SC2086
python3 "$oracle/sums.py" "$work/page" "$work/warrants.toml" $captures --other "$other" >"$work/sums.log" || fail "the metrics do not agree with what was sent"
cat "$work/sums.log"

# What is said of a real interface: this one is set up as a tap should be.
ip netns exec "$tap" "$writ" doctor --config "$work/writ.toml" >"$work/doctor.log" 2>&1 || true
for found in "good     writlive1    link" "good     writlive1    queues             $queues receive queues"; do
    grep -q "^$found" "$work/doctor.log" || fail "writ doctor does not say: $found"
done

# SIGTERM right behind the last packet.
play "$last"
stop
# shellcheck disable=SC2086
python3 "$oracle/store.py" "$work/store" "$work/warrants.toml" $captures "$last" >"$work/store.log" || fail "the store is not what is due"
cat "$work/store.log"
for name in alice mallory MAIL-00; do
    ! grep -q "$name" "$work/run.log" || fail "the log names a target"
done
echo "PASSED: live"
