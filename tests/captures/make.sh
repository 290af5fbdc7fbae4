#!/bin/sh
# Makes the captures of this folder again with real servers and clients: `sudo tests/captures/make.sh [NAME...]`; those of `imap/` with
# `--imap` before the names.
#
# Afterwards `../oracle/expect.py` writes what is expected of them (look at what differs), and `lab/readme.py` the README's table.
#
# Two network namespaces hold all of it: a server's (Postfix, Dovecot for SASL, a scripted server for what Postfix does not
# speak) and a client's, joined by a veth pair with the addresses of documentation. Nothing else of the machine is touched.
#
# Needs root and, from Debian 12: iproute2 ethtool tcpdump postfix dovecot-core dovecot-imapd dovecot-pop3d openssl swaks msmtp
# curl mutt isync offlineimap3 fetchmail mpop getmail6, and of
# exim4-daemon-light, nullmailer and opensmtpd the files alone (they conflict with Postfix as installed packages):
# PEERS=DIR names a folder where `apt-get download` and `dpkg-deb -x` put them. Their captures are left alone without it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
client=writora-cli-$$
server=writora-srv-$$

clean() {
    ip netns del "$client" 2>/dev/null || true
    ip netns del "$server" 2>/dev/null || true
}
trap clean EXIT
clean

ip netns add "$client"
ip netns add "$server"
ip link add wo-cli netns "$client" address 02:00:5e:10:00:01 type veth peer name wo-srv netns "$server" address 02:00:5e:10:00:02
bring_up() { # namespace, interface
    ip netns exec "$1" ip link set lo up
    # Frames as a tap sees them: no larger than the MTU, checksums filled in.
    ip netns exec "$1" ethtool -K "$2" gso off tso off gro off tx off rx off >/dev/null
    ip netns exec "$1" ip link set "$2" up
}
bring_up "$client" wo-cli
bring_up "$server" wo-srv
for address in 192.0.2.10/24 192.0.2.20/24 198.51.100.7/24; do
    ip netns exec "$client" ip address add "$address" dev wo-cli
done
ip netns exec "$client" ip address add 2001:db8:1::10/64 dev wo-cli nodad
ip netns exec "$client" ip route add 2001:db8:25::/64 dev wo-cli
for address in 25 26 27 28; do
    ip netns exec "$server" ip address add "192.0.2.$address/24" dev wo-srv
done
ip netns exec "$server" ip address add 2001:db8:25::25/64 dev wo-srv nodad
ip netns exec "$server" ip route add 198.51.100.0/24 dev wo-srv
ip netns exec "$server" ip route add 2001:db8:1::/64 dev wo-srv

lab=make.py
if [ "${1:-}" = --imap ]; then
    lab=make_imap.py
    shift
elif [ "${1:-}" = --pop3 ]; then
    lab=make_pop3.py
    shift
fi
ip netns exec "$client" python3 "$here/lab/$lab" --server-namespace "$server" "$@"
