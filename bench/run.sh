#!/usr/bin/env bash
# `make bench`: runs the comparison; `bench/run.sh --help` lists what can be set.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v python3 >/dev/null; then
    echo "SKIPPED: the benchmarks need python3 (Debian package: python3)"
    exit 0
fi
exec python3 -B bench/run.py "$@"
