#!/bin/sh
# Encrypted sessions that no warrant wants, on the live path: `tests/letgo.sh WRIT` with the binary; root only. Exit 77 and a line that
# begins with SKIPPED where it cannot be run.
#
# Each is let go by the XDP program as soon as it is encrypted, comes back with its end, and every packet is in one counter. One that
# comes to be wanted by a new warrant comes back at once, and the octets told of it are those that followed, exactly.
set -eu
writ=$(realpath "${1:?the writ binary}")
here=$(cd "$(dirname "$0")" && pwd)
oracle="$here/oracle"
# Slow enough that a worker is through with a packet before the next.
pace=${WRIT_LIVE_PACE:-200}
queues=${WRIT_LIVE_QUEUES:-2}
export PYTHONDONTWRITEBYTECODE=1

test=letgo
# shellcheck source=tests/tap.sh
. "$here/tap.sh"

: >"$work/warrants.toml"
configure
start

captures="$here/captures"
sessions="$captures/starttls.pcap $captures/smtps-465.pcap $captures/pop3/pop3s-995.pcap $captures/pop3/stls.pcap"
long="$captures/imap/imaps-993.pcap"
# shellcheck disable=SC2086 # a list of names without spaces
play $sessions

# Until the last of them is known to be over: after an RST, what comes late is waited for.
waited=0
# shellcheck disable=SC2086
until page >"$work/page" && python3 "$oracle/letgo.py" "$work/page" $sessions >"$work/sums.log"; do
    waited=$((waited + 1))
    [ "$waited" -lt 40 ] || fail "$(cat "$work/sums.log")"
    sleep 0.5
done
cat "$work/sums.log"

# A session that is let go comes to be a target's.
python3 - "$oracle" "$long" "$work" <<'END'
import sys

sys.path.insert(0, sys.argv[1])
import frames

packets = [(packet.time, packet.frame()) for packet in frames.read(sys.argv[2])]
frames.write(f"{sys.argv[3]}/before.pcap", packets[:26])
frames.write(f"{sys.argv[3]}/after.pcap", packets[26:])
END
play "$work/before.pcap"
cat >"$work/warrants.toml" <<END
[[warrant]]
liid = "LIID-1"
authorization_country = "NL"
start = 2020-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
deliver = "iri"
lemf = "lea-1"
targets = [{ ip = "192.0.2.10" }]
END
kill -HUP "$run"
waited=0
until page >"$work/page" && grep -q '^writ_warrant_reloads_total{outcome="done"} 1$' "$work/page"; do
    waited=$((waited + 1))
    [ "$waited" -lt 50 ] || fail "the warrants are not read again"
    sleep 0.1
done
# The workers take them up with their next batch, which waits for a packet for so long at most.
sleep 0.2
play "$work/after.pcap"
waited=0
until "$writ" decode --json "$work/store/pdus.etsi" 2>/dev/null | grep -q e-mail-logoff || [ "$waited" -ge 40 ]; do
    waited=$((waited + 1))
    sleep 0.5
done
stop
"$writ" decode --json "$work/store/pdus.etsi" >"$work/pdus.log" || fail "the store cannot be decoded"
python3 "$oracle/letgo.py" --told "$work/pdus.log" "$work/after.pcap" || fail "the octets told are not those that followed"
echo "PASSED: letgo"
