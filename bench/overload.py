"""Offers a limited handler more than it can do, and shows what becomes of it: a table and an SVG.

The handler of each server takes 10 ms, 16 at a time. Requests are due at fixed times, whether or not
answers come (an open loop), at multiples of that capacity. The container sheds by the time waited;
the peers are hyper with the same handler behind a tokio semaphore, as many write it, and axum with
tower's limit on concurrency and its shedding of load. All the while each is asked how it is, over
one connection.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import load
from overload_picture import drawing
from report import positive, table, title
from server import (
    CLIENT_CPU,
    CONTESTANTS,
    OURS,
    REFERENCES,
    TARGET,
    Contestant,
    Server,
    build,
    pinned,
)

# What the handler of `/limited` is in both servers.
AT_ONCE = 16
SERVICE_MS = 10
CAPACITY = AT_ONCE * 1000 // SERVICE_MS

OFFERS = (0.5, 1, 2, 5, 10)
# Clients enough that one that has to wait keeps no other from being sent.
CONNECTIONS = 512
# The container's promise: of its peak; twice the unloaded p99, and the target of its queues; and
# the p99 of answers about its health.
GOOD_SHARE = 0.95
TARGET_MS = 5
HEALTH_MS = 10
HEALTH = "/-/live"
HEALTH_SECONDS = 0.05

AXUM = Contestant("axum", (f"{REFERENCES}/release/axum_ref",))


@dataclass(frozen=True)
class Offer:
    """What came of one rate."""

    offered: float
    good: float
    shed: float
    p50_ms: float
    p99_ms: float
    health_ms: float


def main() -> int:
    options = parse()
    build()
    contestants = [one for one in CONTESTANTS if one.name in (OURS.name, "hyper")] + [AXUM]
    title(f"GET /limited, {AT_ONCE} at once for {SERVICE_MS} ms: {CAPACITY} requests/s, open loop")
    offers = {one.name: series(one, options.seconds) for one in contestants}
    rows = [("server", "offered/s", "good/s", "refused/s", "p50 ms", "p99 ms", "health ms")]
    for name, seen in offers.items():
        rows += [row(name, offer) for offer in seen]
    table(rows)
    options.svg.write_text(drawn(offers))
    print(f"\ndrawn: {options.svg}")
    return 0 if keeps_its_promise(offers[OURS.name]) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/overload.py", description=__doc__)
    parser.add_argument("--seconds", type=positive, default=14, help="for each rate")
    parser.add_argument("--svg", type=Path, default=TARGET / "overload.svg")
    return parser.parse_args()


def row(name: str, offer: Offer) -> tuple[str, ...]:
    figures = (offer.offered, offer.good, offer.shed)
    times = (offer.p50_ms, offer.p99_ms, offer.health_ms)
    return (name, *(f"{each:,.0f}" for each in figures), *(f"{each:,.1f}" for each in times))


def series(contestant: Contestant, seconds: int) -> list[Offer]:
    seen = []
    for factor in OFFERS:
        # A new server each time, so that nothing is left over from the last rate.
        with Server(contestant) as server:
            offered(server, CAPACITY / 2, 1)
            seen.append(offered(server, factor * CAPACITY, seconds))
    return seen


def offered(server: Server, rate: float, seconds: int) -> Offer:
    """Offers `/limited` at this rate, and asks for the server's health all the while."""
    command = [f"{TARGET}/release/client", "load", f"--url={server.url}/limited", "--json"]
    command += [f"--rate={rate}", f"--duration={seconds}s", f"--connections={CONNECTIONS}"]
    command += [f"--threads={CONNECTIONS}", "--timeout=5s"]
    health, over = [], Event()
    prober = Thread(target=probe, args=(server, health, over))
    prober.start()
    try:
        # Refused requests are failures to the client, so its exit code says nothing.
        done = subprocess.run(
            pinned(CLIENT_CPU, command),
            capture_output=True,
            text=True,
            timeout=load.CLIENT_SECONDS_MAX,
        )
    finally:
        over.set()
        prober.join()
    if not done.stdout.strip():
        raise RuntimeError(f"{server.contestant.name}: {done.stderr.strip()}")
    said = json.loads(done.stdout)
    return Offer(
        rate,
        said["count"] / said["seconds"],
        said["errors"] / said["seconds"],
        said["latency_us"]["p50"] / 1000,
        said["latency_us"]["p99"] / 1000,
        sorted(health)[len(health) * 99 // 100],
    )


def probe(server: Server, health: list[float], over: Event) -> None:
    """Asks for the health again and again, over one connection; milliseconds of each answer."""
    with load.answered(server, HEALTH) as link:
        while not over.wait(HEALTH_SECONDS) or not health:
            begun = time.monotonic()
            load.ask_again(link, HEALTH)
            health.append((time.monotonic() - begun) * 1000)


def keeps_its_promise(offers: list[Offer]) -> bool:
    peak = max(offer.good for offer in offers)
    bound = 2 * offers[0].p99_ms + TARGET_MS
    last = offers[-1]
    print(f"at {OFFERS[-1]} times the capacity: {last.good / peak:.1%} of the peak, ", end="")
    print(f"p99 {last.p99_ms:.1f} ms of {bound:.1f} ms, ", end="")
    print(f"health {last.health_ms:.1f} ms of {HEALTH_MS} ms")
    kept = (last.good >= GOOD_SHARE * peak, last.p99_ms <= bound, last.health_ms <= HEALTH_MS)
    return all(kept)


def drawn(offers: dict[str, list[Offer]]) -> str:
    good = {name: [offer.good for offer in seen] for name, seen in offers.items()}
    late = {name: [offer.p99_ms for offer in seen] for name, seen in offers.items()}
    return drawing([f"{factor:g} x" for factor in OFFERS], good, late)


if __name__ == "__main__":
    sys.exit(main())
