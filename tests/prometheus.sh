#!/bin/bash
# Writ, watched by a real Prometheus: two network namespaces with a veth pair, `writ run` and `writ lemf` on one side, a
# capture sent from the other. Every query of the dashboard has to find something, every alert's expression has to be one,
# and numbers have to be those of what was sent.
#
#   WRIT=target/debug/writ tests/prometheus.sh [FOLDER]
#
# FOLDER keeps what was scraped (scrape.txt) and what the programs said. Exit 0 good, 1 failed, 77 cannot run here. Needs root.
set -u
here=$(cd "$(dirname "$0")" && pwd)
deploy=$here/../deploy
writ=${WRIT:-$here/../target/debug/writ}
capture=$here/captures/demo.pcap
expected=$here/captures/expected/demo.json

skip() { echo "SKIPPED: prometheus: $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip "network namespaces and XDP need root"
for program in ip curl jq setpriv tcpreplay prometheus promtool; do
    command -v $program > /dev/null || skip "$program is not installed"
done
[ -x "$writ" ] || { echo "FAILED: $writ is not a program"; exit 1; }

folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
wire=writops-$$-wire tap=writops-$$-tap
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null; done
    ip netns del $wire 2> /dev/null
    ip netns del $tap 2> /dev/null
    [ -n "${1:-}" ] && rm -rf "$1"
}
if [ $# -gt 0 ]; then trap finish EXIT; else trap 'finish "$folder"' EXIT; fi

failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
give_up() {
    fail "$*"
    grep -H . "$folder"/*.log | tail -n 20
    exit 1
}
within() { ip netns exec $tap "$@"; }
# Starts a program with its log beside the others; $! is then the program itself, which a function in the background would not be.
start() {
    ip netns exec $tap "${@:2}" > "$folder/$1.log" 2>&1 &
    pids+=($!)
}
# Repeats a command until it succeeds, for at most 20 s.
until_true() {
    local tries=100
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.2
    done
}

# --- the wire ---------------------------------------------------------------------------------------------------------------
ip netns add $wire && ip netns add $tap || skip "network namespaces are not to be had"
for namespace in $wire $tap; do
    # Without IPv6 the kernel sends nothing of its own, so that packets can be counted to the last one.
    ip netns exec $namespace sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6' 2> /dev/null
done
ip link add wire0 netns $wire numrxqueues 2 numtxqueues 2 type veth peer name tap0 netns $tap numrxqueues 2 numtxqueues 2 ||
    skip "veth is not to be had"
ip -n $wire link set wire0 up && ip -n $tap link set tap0 up && ip -n $tap link set lo up

# --- Writ -------------------------------------------------------------------------------------------------------------------
# No target by address: the end of its encrypted session is told when the connection's entry is let go, after the sums below.
cat > "$folder/warrants.toml" << 'WARRANTS'
[[warrant]]
liid = "WATCHED-0001"
authorization_country = "NL"
start = 2020-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
deliver = "iri+cc"
lemf = "lea-1"
targets = [{ email = "alice@example.org" }]
WARRANTS
cat > "$folder/writ.toml" << 'CONFIGURATION'
warrants = "warrants.toml"
state = "state"
[handover]
operator_identifier = "WATCHED"
[[lemf]]
name = "lea-1"
address = "127.0.0.1:9300"
retry = 1
[[interface]]
interface = "tap0"
[metrics]
listen = "127.0.0.1:9400"
CONFIGURATION

metrics() { within curl -sf http://127.0.0.1:9400/metrics; }
# The sum of the series of a metric that match a pattern, as Writ shows them now.
now() { metrics | awk -v name="$1" -v like="${2:-.}" '$1 ~ "^" name "({|$)" && $1 ~ like { sum += $2 } END { printf "%d\n", sum }'; }
is() { [ "$(now "$2" "${3:-.}")" = "$1" ]; }

start lemf "$writ" lemf --listen 127.0.0.1:9300 --store "$folder/store"
lemf=$!
# With the capabilities of the service and no others, so that its unit asks for enough.
capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$deploy/writ.service" | sed 's/CAP_/,+/g; s/ //g' | tr '[:upper:]' '[:lower:]')
start run setpriv --bounding-set "-all$capabilities" --no-new-privs "$writ" run --config "$folder/writ.toml"
run=$!
until_true is 2 writ_delivery_connected || give_up "writ run does not come up"

# --- Prometheus, with the files of deploy/ at a faster pace -----------------------------------------------------------------
sed 's/_interval: 15s/_interval: 1s/' "$deploy/prometheus/scrape.yml" > "$folder/prometheus.yml"
cp "$deploy/prometheus/alerts.yml" "$folder/"
promtool check config "$folder/prometheus.yml" > "$folder/promtool.log" 2>&1 || fail "promtool check config: $(cat "$folder/promtool.log")"
start prometheus prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/tsdb" \
    --web.listen-address=127.0.0.1:9090
api() { within curl -s "http://127.0.0.1:9090/api/v1/$1" "${@:2}"; }
query() { api query --data-urlencode "query=$1"; }
value() { query "$1" | jq -r '.data.result[0].value[1] // "none"'; }
answers() { [ "$(value "$1")" != none ]; }
says() { [ "$(value "$1")" = "$2" ]; }
scraped() { says "count_over_time(up{job=\"writ\"}[1m]) >= bool $1" 1; }
until_true scraped 2 || give_up "Prometheus does not scrape Writ"

# --- mail -------------------------------------------------------------------------------------------------------------------
sent=$(ip netns exec $wire tcpreplay -i wire0 --pps 2000 "$capture" 2> /dev/null | sed -n 's/^Actual: \([0-9]*\) packets (\([0-9]*\) bytes).*/\1 \2/p')
read -r packets octets <<< "$sent"
accepted=$(jq 'map(select(.kind == "message" and .accepted)) | length' "$expected")
until_true is "$accepted" writ_messages_total accepted || fail "writ_messages_total: expected $accepted accepted, found $(now writ_messages_total accepted)"
settled() {
    is "$(now writ_pdus_total)" writ_pdus_sent_total && is "$(now writ_records_total 'kind="iri"')" writ_pdus_total 'kind="iri"' &&
        is "$(now writ_records_total 'kind="cc"')" writ_pdus_total 'kind="cc"'
}
until_true settled || fail "records or PDUs are left in a queue"
metrics > "$folder/scrape.txt"
until_true says "sum(writ_messages_total{outcome=\"accepted\"})" "$accepted" || fail "Prometheus does not have the messages"
before=$(value 'count_over_time(up{job="writ"}[1m])')
until_true scraped $((before + 2)) || fail "Prometheus stopped scraping"

# --- what a scrape may be ---------------------------------------------------------------------------------------------------
lint=$(promtool check metrics < "$folder/scrape.txt" 2>&1) || fail "promtool check metrics: $lint"
for secret in alice example.org WATCHED-0001 WATCHED 192.0.2. 198.51.100. 2001:db8 demo-; do
    grep -qiF "$secret" "$folder/scrape.txt" && fail "a scrape tells $secret"
done

# --- numbers ----------------------------------------------------------------------------------------------------------------
equal() {
    local found
    found=$(value "$1")
    if [ "$found" = "$2" ]; then echo "ok: $1 = $2"; else fail "$1: expected $2, found $found"; fi
}
sessions=$(jq 'map(select(.kind == "session")) | length' "$expected")
implicit=$(jq 'map(select(.kind == "session" and .starttls == "implicit")) | length' "$expected")
logins=$(jq '[.[] | select(.kind == "session") | .auth[] | select(.result == "succeeded")] | length' "$expected")
equal 'sum(writ_xdp_packets_total)' "$packets"
equal 'sum(writ_xdp_bytes_total)' "$octets"
# What of the encrypted session is let go depends on when it was understood to be one.
aside='sum(writ_xdp_packets_total{verdict="let_go"})'
equal "sum(writ_xdp_packets_total{verdict=\"mail_redirected\"}) + $aside" "$packets"
equal "sum(writ_queue_packets_total) + $aside" "$packets"
equal "sum(writ_frames_total) + $aside" "$packets"
equal 'sum(writ_frame_bytes_total) + sum(writ_xdp_bytes_total{verdict="let_go"})' "$octets"
equal 'sum(writ_sessions_total{protocol="smtp"})' "$sessions"
equal 'sum(writ_encrypted_sessions_total{how="smtps"})' "$implicit"
equal 'sum(writ_messages_total)' "$accepted"
equal 'sum(writ_logins_total{outcome="accepted"})' "$logins"
equal 'sum(writ_queue_lost_packets_total) + sum(writ_lost_packets_total) + sum(writ_lost_records_total) + sum(writ_lost_pdus_total)' 0
equal 'sum(writ_records_total{kind="iri"}) - sum(writ_pdus_total{kind="iri"})' 0
equal 'sum(writ_pdus_total) - sum(writ_pdus_sent_total)' 0
equal 'sum(writ_pdus_sent_total) - sum(writ_delivery_latency_seconds_count)' 0
made=$(for kind in iri cc tri; do value "sum(writ_pdus_total{kind=\"$kind\"})"; done | xargs)

# --- the dashboard ----------------------------------------------------------------------------------------------------------
queries=0
while IFS= read -r expression; do
    queries=$((queries + 1))
    plain=$(sed 's/\$__rate_interval/20s/g; s/\$__range/1m/g; s/"\$[a-z]*"/".*"/g' <<< "$expression")
    answer=$(query "$plain")
    if [ "$(jq -r .status <<< "$answer")" != success ]; then
        fail "dashboard: $plain: $(jq -r .error <<< "$answer")"
    elif [ "$(jq '.data.result | length' <<< "$answer")" = 0 ]; then
        fail "dashboard: no series: $plain"
    fi
done < <(jq -r '.panels[] | recurse(.panels[]?) | .targets[]?.expr' "$deploy/grafana/writ.json")
[ $queries -gt 20 ] || fail "the dashboard has $queries queries"
echo "ok: $queries queries of the dashboard"
while IFS= read -r variable; do
    [ "$(api "label/${variable#*, }/values" --get --data-urlencode "match[]=${variable%,*}" | jq '.data | length')" -gt 0 ] ||
        fail "dashboard: no value for its variable: $variable"
done < <(jq -r '.templating.list[] | select(.type == "query") | .definition' "$deploy/grafana/writ.json" | sed 's/label_values(\(.*\))/\1/')

# --- the alerts -------------------------------------------------------------------------------------------------------------
rules=$(api rules | jq -r '[.data.groups[].rules[]]')
count=$(jq length <<< "$rules")
[ "$count" = "$(grep -c -- '- alert:' "$deploy/prometheus/alerts.yml")" ] || fail "Prometheus has $count alerts"
quiet() { api rules | jq -e --arg name "$1" '.data.groups[].rules[] | select(.name == $name) | .health == "ok" and .state == "inactive"' > /dev/null; }
for at in $(seq 0 $((count - 1))); do
    name=$(jq -r ".[$at].name" <<< "$rules")
    expression=$(jq -r ".[$at].query" <<< "$rules")
    [ "$(query "$expression" | jq -r .status)" = success ] || fail "alert $name: $expression"
    until_true quiet "$name" || fail "alert $name is not quiet while all is well"
    # An expression over a metric that is not there never fires.
    for metric in $(grep -oE '\b(writ|process)_[a-z0-9_]+|\bup\b' <<< "$expression" | sort -u); do
        answers "count($metric)" || fail "alert $name: there is no $metric"
    done
done
echo "ok: $count alerts"

# --- the LEMF goes away -----------------------------------------------------------------------------------------------------
kill $lemf && wait $lemf 2> /dev/null
stored=$(sed -n 's/^[0-9]* PDUs (\([0-9]*\) IRI, \([0-9]*\) CC, \([0-9]*\) TRI).*/\1 \2 \3/p' "$folder/lemf.log")
if [ "$made" = "$stored" ]; then
    echo "ok: IRI, CC and TRI made and received: $made"
else
    fail "the LEMF has $stored PDUs of IRI, CC and TRI, the metrics say $made"
fi
pending() { api alerts | jq -e '.data.alerts | map(.labels.alertname) | index("WritLemfDown")' > /dev/null; }
if until_true pending; then echo "ok: WritLemfDown when the LEMF is away"; else fail "no WritLemfDown when the LEMF is away"; fi

kill $run
wait $run
ended=$?
[ $ended = 0 ] || fail "writ run ended with $ended"
if until_true says 'up{job="writ"}' 0; then echo "ok: down when Writ is"; else fail "up is not 0 when Writ is down"; fi

[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
