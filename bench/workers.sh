#!/bin/sh
# Two workers against one, two queues, on frames in memory: `bench/workers.sh [CORE,CORE]`; without cores nobody is pinned. A minute.
#
# WRIT_PROFILE is the profile of the build, `release` unless set.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
run() { cargo run --quiet --profile "${WRIT_PROFILE:-release}" -p writ-bench --bin "$@"; }
run writ-traffic -- "$folder/mail.pcap" --sessions 4000 --concurrency 400 --octets 25000 --target-every 0
run writ-workers -- "$folder/mail.pcap" ${1:+--cores "$1"}
