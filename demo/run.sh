#!/usr/bin/env bash
# Replays a capture of real servers and clients to a monitoring facility on loopback, and shows what arrives there: the records,
# a mail, a session's transcript, and what of the capture was not handed over.
set -euo pipefail
cd "$(dirname "$0")/.."

capture=tests/captures/demo.pcap
writ=${CARGO_TARGET_DIR:-target}/debug/writ
work=$(mktemp -d)
lemf=
finish() {
    [ -z "$lemf" ] || kill "$lemf" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
title() { printf '\n\033[1m%s\033[0m\n' "$*"; }

title "The warrants (demo/warrants.toml)"
grep -E '^(liid|deliver|targets)' demo/warrants.toml

# A port that is free now; another is tried if somebody else takes it first.
for attempt in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    "$writ" lemf --listen "127.0.0.1:$port" --store "$work/store" > "$work/lemf.log" 2>&1 &
    lemf=$!
    sleep 0.5
    if kill -0 "$lemf" 2>/dev/null; then break; fi
    lemf=
done
[ -n "$lemf" ] || { cat "$work/lemf.log"; exit 1; }

title "writ replay $capture --warrants demo/warrants.toml --lemf 127.0.0.1:$port"
"$writ" replay "$capture" --warrants demo/warrants.toml --lemf "127.0.0.1:$port" > "$work/replay.log" 2>&1
kill -TERM "$lemf"; wait "$lemf" || true; lemf=

title "What the monitoring facility printed of HI2 (intercept-related information)"
grep ' IRI ' "$work/lemf.log" | cut -c1-230

title "A mail that it put together from HI3 (content), as alice received it"
mail=$(grep -l '^Message-ID: <demo-2@' "$work"/store/messages/*.eml | head -n 1)
cat "$mail"

title "The session in which alice logged in, as HI3 gave it: her password is overwritten, octet for octet"
session=$(grep -l 'AUTH PLAIN' "$work"/store/sessions/*.txt | head -n 1)
head -n 24 "$session" | cut -c1-150

title "The mails of the capture, and what of each was handed over"
printf '%-26s %-46s %s\n' MESSAGE-ID ENVELOPE 'HANDED OVER'
while IFS='|' read -r id envelope; do
    grep -aqF "$id" "$capture" || { echo "$id is not in the capture"; exit 1; }
    content=$(grep -alF "$id" "$work"/store/messages/*.eml | wc -l || true)
    # The record of a receipt under DEMO-BOB names the message, and that is all.
    records=$(grep -aF "$id" "$work/lemf.log" | grep -c ' IRI ' || true)
    case "$content/$records" in
        0/0) what='nothing' ;;
        0/*) what="information only ($records record)" ;;
        *) what="information ($records records) and content" ;;
    esac
    printf '%-26s %-46s %s\n' "$id" "$envelope" "$what"
done < demo/messages.txt

title "What Writ counted"
grep -v INFO "$work/replay.log"
