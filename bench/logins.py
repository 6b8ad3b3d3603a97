"""What a flood of logins takes from others: how long `GET /users` takes with and without it.

Each login is one argon2id hash, which is some 20 ms of a processor and 19 MiB of memory. Requests for
users are due at fixed times, whether or not answers come. All CPUs are shared; the client that
measures runs as soon as it can (as a real-time process, which takes root), so that its own waits for
a CPU are not taken for the server's, and those that log in run when nobody else does: they stand for
machines of their own. It must not judge: `data.py` does.
"""

import contextlib
import json
import os
import threading
from dataclasses import dataclass
from statistics import median

import load
from fairness import FIRST
from report import ratio, table
from server import OURS, TARGET, Contestant, Server

# More than the server hashes at once, so that there always is a next one.
CLIENTS = 8
NAME, PASSWORD = "bench", "Correct-Horse"

# Requests for users in a second, and connections for them.
RATE = 500
CONNECTIONS = 40
# Connections are made in its first instants, and are less than a hundredth of its requests.
SECONDS = 10

# What the docking API's database takes.
DELAYS = ("0", "50ms")


@dataclass(frozen=True)
class Seen:
    """`GET /users` alone and beside logins; one figure of each for each round."""

    alone_us: list[float]
    beside_us: list[float]
    logins_per_second: list[float]

    def ratio(self) -> float:
        return median(self.beside_us) / median(self.alone_us)


def measure(rounds: int) -> dict[str, Seen]:
    """By the delay of the docking API."""
    return {delay: measure_delay(delay, rounds) for delay in DELAYS}


def measure_delay(delay: str, rounds: int) -> Seen:
    flags = ("--delay", delay, "--attempts-per-name=0", "--attempts-per-client=0")
    contestant = Contestant(OURS.name, (*OURS.command, *flags), cpu=None)
    seen = Seen([], [], [])
    with Server(contestant) as server:
        load.add_account(server, NAME, PASSWORD)
        p99_us(server)  # warm up
        for _ in range(rounds):
            seen.alone_us.append(p99_us(server))
            with Flood(server) as flood:
                seen.beside_us.append(p99_us(server))
            seen.logins_per_second.append(flood.count / SECONDS)
    return seen


def p99_us(server: Server) -> float:
    """How long answers take, in microseconds."""
    command = [*FIRST, f"{TARGET}/release/client", "load", f"--url={server.url}/users", "--json"]
    command += [f"--rate={RATE}", f"--duration={SECONDS}s"]
    command += [f"--connections={CONNECTIONS}", f"--threads={CONNECTIONS}"]
    return json.loads(load.client(command, None))["latency_us"]["p99"]


class Flood(contextlib.AbstractContextManager):
    """Clients that log in again and again, as long as the `with` block lasts."""

    def __init__(self, server: Server):
        self.server = server
        self.over = threading.Event()
        self.counts = [0] * CLIENTS
        self.threads = [threading.Thread(target=self.log_in, args=(i,)) for i in range(CLIENTS)]

    def log_in(self, number: int) -> None:
        # Of the calling thread alone.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with contextlib.closing(load.link(self.server)) as link:
            while not self.over.is_set():
                load.post(link, "/api/login", {"name": NAME, "password": PASSWORD}, 200)
                self.counts[number] += 1

    @property
    def count(self) -> int:
        """Logins so far."""
        return sum(self.counts)

    def __enter__(self) -> "Flood":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        if not all(self.counts):
            raise RuntimeError("not all clients could log in")


def show(seen: dict[str, Seen]) -> None:
    rows = [("delay of /users", "p99 us alone", "beside logins", "ratio", "logins/s")]
    for delay, each in seen.items():
        alone, beside = median(each.alone_us), median(each.beside_us)
        per_second = f"{median(each.logins_per_second):.1f}"
        rows.append((delay, f"{alone:,.0f}", f"{beside:,.0f}", ratio(beside, alone), per_second))
    table(rows)
