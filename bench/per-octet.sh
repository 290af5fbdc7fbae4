#!/bin/sh
# Instructions for each octet of payload, from the frame to the record: a message of 25 MB against 25 kB messages of the same
# total size, by DATA and BDAT, of a bystander and of a target. Needs valgrind; takes about two minutes.
#
#   bench/per-octet.sh [TOTAL]      octets, 25000000 by default
set -eu
cd "$(dirname "$0")/.."
total=${1:-25000000}
command -v valgrind >/dev/null || apt-get install -y valgrind >/dev/null
cargo build --quiet --release -p writ-bench --bin writ-per-octet
driver=${CARGO_TARGET_DIR:-target}/release/writ-per-octet
out=$(mktemp)
trap 'rm -f "$out"' EXIT

count() { # message, options
    message=$1
    shift
    valgrind --tool=callgrind --collect-atstart=no '--toggle-collect=*measured*' --callgrind-out-file="$out" \
        "$driver" --message "$message" --total "$total" "$@" 2>&1 | sed -n 's/.*Collected : //p'
}

printf '%-34s %12s %12s %8s\n' 'instructions for an octet' '25 kB' 'whole' 'ratio'
for transfer in data bdat; do
    for who in '' '--target' '--target --cc-format ip-packet'; do
        # shellcheck disable=SC2086 # two words are two options
        small=$(count 25000 --transfer $transfer $who)
        # shellcheck disable=SC2086
        large=$(count "$total" --transfer $transfer $who)
        awk -v name="$transfer $who" -v small="$small" -v large="$large" -v total="$total" \
            'BEGIN { printf "%-34s %12.3f %12.3f %8.3f\n", name, small / total, large / total, large / small }'
    done
done
