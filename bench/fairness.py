"""What a few greedy connections take from a thousand modest ones on the same worker: a table, and
whether the promise is kept.

What is measured is how long an answer waits for its turn behind the greedy ones, so all else has to
be kept out. The requests of the thousand are due at fixed times, whether or not answers come, at a
rate that leaves the worker idle most of the time, over connections that were made before. The greedy
clients (`greedy.py`) share the CPU of the client that measures; that client, and the server, run as
soon as they can (as real-time processes, which takes root), before the greedy and before whatever
else the machine does. What is left of them in the figure is what the kernel does for their packets
on both CPUs. A round in which a hypervisor took the CPUs away is measured again.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

import greedy
import load
from machine import undisturbed
from report import positive, ratio, table, title
from server import CLIENT_CPU, OURS, TARGET, Server, build, pinned

# Connections of the modest, and their requests in a second.
CONNECTIONS = 1000
RATE = 2000
# Each connection is made when its first request is due: in the first half of this.
WARM_UP_SECONDS = 1
# The container's promise, for the p99 beside the greedy to the p99 alone.
RATIO_MAX = 1.3
# Of a round, for each CPU: well below the hundredth of the requests that the p99 is about.
STOLEN_SHARE_MAX = 0.0025

# Whoever asks for the CPU gets it before all others.
FIRST = ("chrt", "--rr", "10") if os.geteuid() == 0 else ()

# The timers of bodies would end the endless upload.
SERVER = replace(OURS, command=(*FIRST, *OURS.command, "--body-timeout=1h"))

BESIDE = {"alone": (), **{kind: (kind,) for kind in greedy.KINDS}, "all": tuple(greedy.KINDS)}


def main() -> int:
    options = parse()
    build(references=False)
    title(f"{CONNECTIONS:,} modest connections, {RATE:,} requests/s, beside greedy ones")
    if not FIRST:
        print("without root nothing runs in real time, and the figures say more of the machine")
    seen, again = rounds(options.rounds, options.seconds)
    rows = [("beside", "p99 us, median", "to alone", "least", "to alone", "most")]
    for name, p99s in seen.items():
        usual = f"{median(p99s):,.0f}", ratio(median(p99s), median(seen["alone"]))
        least = f"{min(p99s):,.0f}", ratio(min(p99s), min(seen["alone"]))
        rows.append((name, *usual, *least, f"{max(p99s):,.0f}"))
    table(rows)
    print(f"measured again, since a CPU was taken away: {again} rounds")
    return 0 if keeps_its_promise(seen) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/fairness.py", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=7, help="of all kinds in turn")
    parser.add_argument("--seconds", type=positive, default=3, help="length of a round")
    return parser.parse_args()


def rounds(count: int, seconds: int) -> tuple[dict[str, list[float]], int]:
    """The p99 of each round, in microseconds, and how many rounds were measured again."""
    seen, again = {name: [] for name in BESIDE}, 0
    with Server(SERVER) as server:
        p99_us(server, 1)
        for _ in range(count):
            for name, kinds in BESIDE.items():
                with all_greedy(server, kinds):
                    measured, attempts = undisturbed(
                        STOLEN_SHARE_MAX, lambda: p99_us(server, seconds)
                    )
                seen[name].append(measured)
                again += attempts - 1
    return seen, again


def p99_us(server: Server, seconds: int) -> float:
    """How long answers take that the modest get, in microseconds."""
    command = [*FIRST, f"{TARGET}/release/client", "load", f"--url={server.url}/plaintext", "--json"]
    command += [f"--rate={RATE}", f"--warm-up={WARM_UP_SECONDS}s", f"--duration={seconds}s"]
    command += [f"--connections={CONNECTIONS}", f"--threads={CONNECTIONS}"]
    return json.loads(load.client(command))["latency_us"]["p99"]


@contextlib.contextmanager
def all_greedy(server: Server, kinds: tuple[str, ...]):
    """Has one greedy client of each of these kinds, as long as the `with` block lasts."""
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(one_greedy(server, kind))
        yield


@contextlib.contextmanager
def one_greedy(server: Server, kind: str):
    program = Path(greedy.__file__)
    process = subprocess.Popen(
        pinned(CLIENT_CPU, [sys.executable, "-B", str(program), str(server.port), kind]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        if process.stdout.readline() != b"greedy\n":
            raise RuntimeError(f"the greedy client `{kind}` did not start")
        yield
        if process.poll() is not None:
            raise RuntimeError(f"the greedy client `{kind}` ended early")
    finally:
        process.kill()
        process.wait()


def keeps_its_promise(seen: dict[str, list[float]]) -> bool:
    alone = median(seen["alone"])
    worst = max(median(p99s) / alone for p99s in seen.values())
    kept = worst <= RATIO_MAX
    print(f"p99 beside the greedy {worst:.2f} x of alone, at most {RATIO_MAX}: ", end="")
    print("kept" if kept else "NOT KEPT")
    return kept


if __name__ == "__main__":
    sys.exit(main())
