# A tap in network namespaces of its own, for the scripts of the live path: to be read in by these, as root, with `writ` set to the
# binary, `test` to what the test is called, `pace` to packets a second and `queues` to the number of receive queues.
#
# Brings, besides what `appliance.sh` does (found in `here`): `skip` and `fail`, which end the test; a veth pair, of which `$tap` has the end
# that is captured; a folder `$work`, which goes at the end with all of it; `configure`, `play`.
# shellcheck shell=sh

skip() { echo "SKIPPED: $test: $1"; exit 77; }
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
    echo "FAILED: $test: $1"
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

# Writes the configuration: everything is captured, other traffic is dropped, one monitoring facility.
configure() {
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
}

play() {
    ip netns exec "$gen" tcpreplay -q --intf1=writlive0 --pps="$pace" "$@" >>"$work/play.log" 2>&1 || fail "tcpreplay"
}

# shellcheck source=tests/appliance.sh
. "$here/appliance.sh"
