#!/bin/sh
# More packets than a worker can take, on the live path: `tests/overload.sh WRIT` with the binary; root only. Exit 77 and a line that
# begins with SKIPPED where it cannot be run.
#
# trafgen sends as fast as it can to a `writ run` whose rings are tiny, whose process is stopped meanwhile, or neither. Whatever is lost is
# counted by its cause, and each time the counters sum to what was sent, exactly.
set -eu
writ=$(realpath "${1:?the writ binary}")
here=$(cd "$(dirname "$0")" && pwd)
oracle="$here/oracle"
pace=1000
queues=2
packets=${WRIT_OVERLOAD_PACKETS:-200000}
export PYTHONDONTWRITEBYTECODE=1
PATH=$PATH:/usr/sbin:/sbin

test=overload
# shellcheck source=tests/tap.sh
. "$here/tap.sh"
command -v trafgen >/dev/null || skip "trafgen (netsniff-ng) is not installed"

captures="$here/captures"
python3 "$oracle/overload.py" --write "$work/traffic.cfg" "$captures/demo.pcap" "$captures/smtps-465.pcap" "$captures/imap/imaps-993.pcap" "$captures/starttls.pcap" >"$work/traffic.log"
python3 "$oracle/warrants.py" "$captures/demo.pcap" >"$work/warrants.toml"

count() { ip netns exec "$gen" cat "/sys/class/net/writlive0/statistics/$1"; }

# One run: what it is called, how its process fares, settings of the interface, causes of loss that have to be seen.
overload() {
    name=$1 stopped=$2 settings=$3 causes=$4
    configure
    # The interface's table is not the last one: what is set goes right behind its name.
    sed -i "s/^interface = .*/&\n$settings/" "$work/writ.toml"
    rm -rf "$work/store" "$work/state"
    start
    refused=$(count tx_dropped)
    [ "$stopped" = running ] || kill -STOP "$run"
    ip netns exec "$gen" trafgen --in "$work/traffic.cfg" --out writlive0 --num "$packets" -P 1 -q >"$work/trafgen.log" 2>&1 || fail "trafgen"
    [ "$stopped" = running ] || kill -CONT "$run"
    refused=$(($(count tx_dropped) - refused))
    # Until the workers are through, and their counters published.
    waited=0
    until page >"$work/page" && python3 "$oracle/overload.py" "$work/page" "$((packets - refused))" >"$work/sums.log"; do
        waited=$((waited + 1))
        [ "$waited" -lt 40 ] || fail "$name: $refused of $packets refused by the pair: $(cat "$work/sums.log")"
        sleep 0.25
    done
    for cause in $causes; do
        grep -q "lost by $cause" "$work/sums.log" || fail "$name: nothing is lost by $cause: $(cat "$work/sums.log")"
    done
    echo "$name: $packets sent, $refused refused by the pair"
    cat "$work/sums.log"
    stop
}

overload "as it is" running "" ""
overload "rings of 64" running "frame_count = 128\nrx_ring = 64" "ring_full"
overload "stopped, ring of 64" stopped "frame_count = 128\nrx_ring = 64" "ring_full"
overload "stopped, frames for the ring alone" stopped "frame_count = 64\nrx_ring = 64" "no_frame"
echo "PASSED: overload"
