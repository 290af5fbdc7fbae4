#!/bin/sh
# Real servers and real clients with Writ between them: `tests/peers/run.sh WRIT` with the binary; root only. Exit 77 and a line that
# begins with SKIPPED where it cannot be run.
#
# Postfix and Dovecot in a network namespace, three clients' computers in others. What the server's interfaces send and receive is mirrored, as
# on a switch with a mirror port, to one that `writ run` captures from by AF_XDP; `writ lemf` takes what it hands over. Afterwards each event and
# each message is held against the servers' own logs and mail store, by `account.py`. With KEEP=DIR everything is left in that folder.
set -eu
writ=$(realpath "${1:?the writ binary}")
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONDONTWRITEBYTECODE=1
PATH=$PATH:/usr/sbin:/sbin

skip() { echo "SKIPPED: peers: $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip "not root"
for tool in ip tc ss ethtool python3 openssl curl postfix dovecot swaks msmtp fetchmail mpop mbsync mutt offlineimap tcpdump; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done
for server in imap pop3 lmtp; do
    [ -x "/usr/lib/dovecot/$server" ] || skip "dovecot-${server}d is not installed"
done

# Names of this process alone, so that two runs do not meet.
server="writpeers-srv-$$"
tap="writpeers-tap-$$"
laptop="writpeers-lap-$$"
other="writpeers-oth-$$"
relay="writpeers-rel-$$"
# In memory where there is some: mail servers wait for the disk at every turn.
work=${KEEP:-$(mktemp -d /dev/shm/writpeers-XXXXXX 2>/dev/null || mktemp -d /tmp/writpeers-XXXXXX)}
mkdir -p "$work/home"
chmod 755 "$work"
running=""
clean() {
    for process in $running; do
        kill -KILL "$process" 2>/dev/null || true
    done
    for namespace in "$server" "$tap" "$laptop" "$other" "$relay"; do
        ip netns del "$namespace" 2>/dev/null || true
    done
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' HUP INT PIPE TERM
fail() {
    echo "FAILED: peers: $1"
    for log in "$work"/*.log "$work"/home/*.log; do
        [ -s "$log" ] && echo "--- $log" && tail -n 20 "$log"
    done
    exit 1
}

ip netns add "$server" 2>/dev/null || skip "no network namespaces here"
for namespace in "$tap" "$laptop" "$other" "$relay"; do
    ip netns add "$namespace"
done
bring_up() { # namespace, interface
    # Frames as a tap sees them: no larger than the MTU, checksums filled in.
    ip netns exec "$1" ethtool -K "$2" gso off tso off gro off tx off rx off >/dev/null 2>&1 || true
    ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1"
    ip netns exec "$1" ip link set "$2" up
}
ip netns exec "$server" ip link set lo up
ip netns exec "$tap" ip link set lo up
ip netns exec "$server" ip address add 192.0.2.25/32 dev lo
ip link add writpeer0 netns "$server" type veth peer name writpeer1 netns "$tap" 2>/dev/null || skip "no veth pairs here"
ip netns exec "$tap" ip link set writpeer1 arp off
bring_up "$server" writpeer0
bring_up "$tap" writpeer1
mirror() { # interface
    ip netns exec "$server" tc qdisc add dev "$1" clsact &&
        for way in ingress egress; do
            ip netns exec "$server" tc filter add dev "$1" "$way" protocol all u32 match u32 0 0 action mirred egress mirror dev writpeer0 || return 1
        done
}
for end in "$laptop 192.0.2.10" "$other 192.0.2.20" "$relay 198.51.100.7"; do
    namespace=${end% *} address=${end#* }
    cable="wire${address##*.}"
    ip link add "$cable" netns "$server" type veth peer name eth0 netns "$namespace"
    bring_up "$server" "$cable"
    bring_up "$namespace" eth0
    ip netns exec "$namespace" ip link set lo up
    ip netns exec "$namespace" ip address add "$address/32" dev eth0
    ip netns exec "$namespace" ip route add 192.0.2.25/32 dev eth0
    ip netns exec "$server" ip route add "$address/32" dev "$cable" src 192.0.2.25
    mirror "$cable" 2>"$work/tc.log" || skip "no mirroring here: $(tail -n 1 "$work/tc.log")"
done

cp "$here/writ.toml" "$here/warrants.toml" "$work/"
if [ -n "${KEEP:-}" ]; then
    ip netns exec "$tap" tcpdump -i writpeer1 -s 0 -U -Z root -w "$work/all.pcap" >/dev/null 2>&1 &
    running="$running $!"
fi
others=$running
# shellcheck source=tests/appliance.sh
. "$here/../appliance.sh"
start

python3 "$here/play.py" "$work/home" "$work/before" "$server" "$laptop" "$other" "$relay" >"$work/play.log" 2>&1 || fail "the conversations"
page >"$work/page" || fail "no metrics"
stop
running=$others
code=0
python3 "$here/account.py" "$work/store" "$work/home" "$work/before" >"$work/account.log" 2>&1 || code=$?
cat "$work/account.log"
[ "$code" = 0 ] || { rm "$work/account.log"; fail "what was handed over is not what the servers wrote down"; }
for name in alice mallory carol LAPTOP; do
    ! grep -q "$name" "$work/run.log" || fail "the log names a target"
done
if grep -E '^writ_[a-z_]*(lost|dropped)[a-z_]*total(\{[^}]*\})? [1-9]' "$work/page" | grep -v ' 0$'; then
    echo "the tap lost packets"
fi
echo "PASSED: peers"
