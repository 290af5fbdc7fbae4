# A monitoring facility and `writ run` in the network namespace `$tap`, for scripts to read in: `writ` is the binary, `$work` a folder with
# `writ.toml`, which has both listen where they are looked for here, `running` the processes that end with the script. Brings `start`,
# `page` and `stop`; `skip` and `fail` are the script's own.
# shellcheck shell=sh

# Starts a monitoring facility and `writ run`, and waits until they are connected.
start() {
    ip netns exec "$tap" "$writ" lemf --listen 127.0.0.1:41100 --store "$work/store" >"$work/lemf.log" 2>&1 &
    lemf=$!
    running="$running $lemf"
    ip netns exec "$tap" "$writ" run --config "$work/writ.toml" >"$work/run.log" 2>&1 &
    run=$!
    running="$running $run"
    waited=0
    until page >"$work/page" 2>/dev/null && grep -q '^writ_delivery_connected.* 1$' "$work/page"; do
        if ! kill -0 "$run" 2>/dev/null; then
            # A kernel without AF_XDP, or a container that may not use it. Any other end is a failure.
            if grep -qiE 'AF_XDP|XDP.*(not supported|permitted)|Operation not (supported|permitted)' "$work/run.log"; then
                skip "no AF_XDP here: $(tail -n 1 "$work/run.log")"
            fi
            fail "writ run ended"
        fi
        waited=$((waited + 1))
        [ "$waited" -lt 100 ] || fail "writ run does not come up"
        sleep 0.1
    done
}

page() { ip netns exec "$tap" curl -sf http://127.0.0.1:41101/metrics; }

# SIGTERM to both: what was captured is still delivered.
stop() {
    kill -TERM "$run"
    code=0
    wait "$run" || code=$?
    [ "$code" = 0 ] || fail "writ run ended with $code after SIGTERM"
    kill -TERM "$lemf"
    wait "$lemf" || fail "writ lemf ended with $?"
    running=""
}
