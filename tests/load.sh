#!/usr/bin/env bash
# A short load on the release build with both clients: every request must succeed, and SIGTERM
# must end the server with exit code 0. `make load` builds first.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
threads=10
requests=1000
start_seconds=30 # longest wait for the start line
load_seconds=120 # longest time for one client
run_seconds=300  # longest life of the server: both clients, and more
stop_seconds=60  # longest wait after SIGTERM: the drain limit of 30 s, and as much again

work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill -TERM "$server" || true
        wait "$server" || true
    fi 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT

fail() {
    echo "load: $1" >&2
    if [ -s "$work/log" ]; then sed 's/^/  server: /' "$work/log" >&2; fi
    exit 1
}

# Its standard error comes through a pipe: reading that waits for the start line without polling.
mkfifo "$work/stderr"
# `timeout` hands SIGTERM on, once, and ends a server that takes too long to follow it.
timeout --foreground --kill-after="$stop_seconds" "$run_seconds" \
    "$target/release/sample_server" --port 0 --database :memory: 2>"$work/stderr" >/dev/null &
server=$!
exec 3<"$work/stderr"

url=
while IFS= read -r -t "$start_seconds" line <&3; do
    echo "$line" >>"$work/log"
    if [[ $line =~ listening\ on\ (http://[^[:space:]]+) ]]; then
        url=${BASH_REMATCH[1]}
        break
    fi
done
[ -n "$url" ] || fail "no start line within $start_seconds s, or the server ended before it"
# From here on the pipe must never fill up, or the server would wait for us.
cat <&3 >>"$work/log" &
exec 3<&-

echo "== client_go"
timeout "$load_seconds" "$target/client_go" \
    --threads=$threads --requests=$requests --url="$url/" || fail "client_go failed"
echo "== client_rust"
timeout "$load_seconds" "$target/release/client" load \
    --threads=$threads --requests=$requests --url="$url/" || fail "client_rust failed"

kill -TERM "$server"
code=0
wait "$server" || code=$?
server=
[ "$code" = 0 ] || fail "SIGTERM ended the server with exit code $code"
echo "load: passed"
