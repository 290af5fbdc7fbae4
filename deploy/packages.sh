#!/usr/bin/env bash
# Installs those of Debian's packages that are missing: `build` for the program, `test` for its tests,
# `bench` for its benchmarks.
set -euo pipefail

case "${1:-}" in
    # xsk-rs builds libxdp from its source.
    build) packages=(clang gcc libc6-dev libelf-dev m4 make pkg-config zlib1g-dev) ;;
    # The tests send captures over a pair of interfaces, read them with others' tools, put queries to a real Prometheus, and have
    # real mail servers and clients talk.
    test) packages=(
        curl ethtool iproute2 jq libfaketime nats-server netsniff-ng procps prometheus python3 tcpdump tcpreplay tshark valgrind
        dovecot-imapd dovecot-lmtpd dovecot-pop3d fetchmail isync mpop msmtp mutt offlineimap3 openssl postfix swaks
    ) ;;
    # Peers to measure beside, what counts instructions, and what draws a plot.
    bench) packages=(curl ethtool gnuplot-nox iproute2 libndpi-bin libnids-dev libpcap-dev netsniff-ng python3 tcpflow tshark valgrind) ;;
    *) echo "usage: $0 build|test|bench" >&2; exit 2 ;;
esac

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update --quiet=2
# Neither a question about packet capture for everybody, or about this machine's mail, nor servers that start by themselves.
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" > /dev/null
