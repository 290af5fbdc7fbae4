#!/bin/sh
# What the spool costs: PDUs and octets a second to an LEMF on loopback without one, with one, and with acknowledgement of PDUs.
# Medians of five runs in turn; a minute or two.
#
#   bench/spool.sh [FOLDER]         where the spool is put, /var/tmp unless given: a file system on the disk to be measured
#
# WRIT_PROFILE is the profile of the build, `release` unless set.
set -eu
cd "$(dirname "$0")/.."
exec cargo run --quiet --profile "${WRIT_PROFILE:-release}" -p writ-bench --bin writ-spool -- --folder "${1:-/var/tmp}"
