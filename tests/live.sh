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

skip() { echo "SKIPPED: live: $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip "not root"
for tool in ip ethtool tcpreplay python3 curl; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done

# Names of this process alone, so that two runs do not meet. An interface's name holds 15 characters.
tap="writlive-tap-$$"
gen="writlive-gen-$$"
work=$(mktemp -d /tmp/writlive-XXXXXX)
running=""
clean() {
    for process in $running; do
        kill -KILL "$process" 2>/dev/null || true
    done
    ip netns del "$tap" 2>/dev/null || true
    ip netns del "$gen" 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM
fail() {
    echo "FAILED: live: $1"
    for log in "$work"/*.log; do
        [ -s "$log" ] && echo "--- $log" && tail -n 30 "$log"
    done
    exit 1
}

ip netns add "$tap" 2>/dev/null || skip "no network namespaces here"
ip netns add "$gen"
ip link add writlive0 netns "$gen" numtxqueues "$queues" numrxqueues "$queues" type veth \
    peer name writlive1 netns "$tap" numtxqueues "$queues" numrxqueues "$queues" 2>/dev/null || skip "no veth pairs here"
for end in "$gen writlive0" "$tap writlive1"; do
    namespace=${end% *} interface=${end#* }
    # The machine's own chatter is not in the sums.
    ip netns exec "$namespace" sysctl -qw "net.ipv6.conf.$interface.disable_ipv6=1"
    ip netns exec "$namespace" ip link set "$interface" arp off
    ip netns exec "$namespace" ethtool -K "$interface" gso off tso off gro off tx off rx off >/dev/null 2>&1 || true
    ip netns exec "$namespace" ip link set lo up
    ip netns exec "$namespace" ip link set "$interface" up
done

captures=""
last="$here/captures/demo.pcap"
for capture in "$here"/captures/*.pcap; do
    # One has 1100 recipients, each of which would be a target; one is played at the end.
    case $capture in */recipients-1100.pcap | "$last") ;; *) captures="$captures $capture" ;; esac
done
# shellcheck disable=SC2086 # a list of names without spaces
python3 "$oracle/warrants.py" $captures "$last" >"$work/warrants.toml"
cat >"$work/writ.toml" <<END
warrants = "warrants.toml"
state = "state"
[handover]
operator_identifier = "TEST"
network_element_identifier = "tap-1"
[[lemf]]
name = "lea-1"
address = "127.0.0.1:41100"
retry = 1
[[interface]]
interface = "writlive1"
other_traffic = "drop"
[metrics]
listen = "127.0.0.1:41101"
END

ip netns exec "$tap" "$writ" lemf --listen 127.0.0.1:41100 --store "$work/store" >"$work/lemf.log" 2>&1 &
lemf=$!
running="$running $lemf"
ip netns exec "$tap" "$writ" run --config "$work/writ.toml" >"$work/run.log" 2>&1 &
run=$!
running="$running $run"

page() { ip netns exec "$tap" curl -sf http://127.0.0.1:41101/metrics; }
waited=0
until page >"$work/page" 2>/dev/null && grep -q '^writ_delivery_connected.* 1$' "$work/page"; do
    if ! kill -0 "$run" 2>/dev/null; then
        # A kernel without AF_XDP, or a container that may not use it. Any other end is a failure.
        if grep -qiE 'AF_XDP|XDP.*(not supported|permitted)|Operation not (supported|permitted)' "$work/run.log"; then
            skip "no AF_XDP here: $(tail -n 1 "$work/run.log")"
        fi
        fail "writ run ended"
    fi
    waited=$((waited + 1))
    [ "$waited" -lt 100 ] || fail "writ run does not come up"
    sleep 0.1
done

play() { ip netns exec "$gen" tcpreplay -q --intf1=writlive0 --pps="$pace" "$@" >>"$work/play.log" 2>&1 || fail "tcpreplay"; }
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

# SIGTERM right behind the last packet: what was captured is still delivered.
play "$last"
kill -TERM "$run"
code=0
wait "$run" || code=$?
[ "$code" = 0 ] || fail "writ run ended with $code after SIGTERM"
kill -TERM "$lemf"
wait "$lemf" || fail "writ lemf ended with $?"
running=""
# shellcheck disable=SC2086
python3 "$oracle/store.py" "$work/store" "$work/warrants.toml" $captures "$last" >"$work/store.log" || fail "the store is not what is due"
cat "$work/store.log"
for name in alice mallory MAIL-00; do
    ! grep -q "$name" "$work/run.log" || fail "the log names a target"
done
echo "PASSED: live"
