#!/bin/sh
# Instructions for each PDU: by the general encoder, behind a header that is patched, and all of the way from the record.
# Needs valgrind; takes half a minute.
#
#   bench/encode.sh [COUNT]         PDUs, 10000 by default
set -eu
cd "$(dirname "$0")/.."
count=${1:-10000}
command -v valgrind >/dev/null || apt-get install -y valgrind >/dev/null
cargo build --quiet --release -p writ-bench --bin writ-encode
driver=${CARGO_TARGET_DIR:-target}/release/writ-encode
out=$(mktemp)
trap 'rm -f "$out"' EXIT

printf '%-34s %12s\n' 'instructions for a PDU' ''
for what in iri cc; do
    for by in general patched record; do
        total=$(valgrind --tool=callgrind --collect-atstart=no '--toggle-collect=*measured*' --callgrind-out-file="$out" \
            "$driver" --what $what --by $by --count "$count" 2>&1 | sed -n 's/.*Collected : //p')
        awk -v name="$what, $by" -v total="$total" -v count="$count" 'BEGIN { printf "%-34s %12.0f\n", name, total / count }'
    done
done
