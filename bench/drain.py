#!/usr/bin/env python3
"""How the server ends: how long it takes, and whether anybody loses a request by it.

1. The time from SIGTERM to the exit with many idle connections, 100 streams of events and 10 heads
   that never become complete.
2. Requests lost in stops (SIGTERM) under the load of client_go, which reconnects, with connections
   kept and not: it must have seen nothing but answers and refused connects.
3. Requests lost in restarts (SIGUSR2) under the same load: it must have seen nothing but answers.

It needs Go. Exit code 1 when a request was lost.
"""

import argparse
import os
import re
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

from process import START_SECONDS_MAX, STOP_SECONDS_MAX
from report import positive
from server import OURS, TARGET, Contestant, Server, build

STREAMS = 100
HALF_HEADS = 10
# One goroutine each in the client.
THREADS = 16
# Between the starts of two ends, so that the load is under way.
LOAD_SECONDS = 0.3
CLIENT_SECONDS_MAX = 60


class Succeeded(Server):
    """A sample_server and those that succeed it, which share its log."""

    def __init__(self, *flags: str):
        command = [f"{TARGET}/release/sample_server", "--port", "0", "--delay", "0", *flags]
        command += ["--database", ":memory:"]
        super().__init__(Contestant(OURS.name, tuple(command), cpu=None))
        self.pid = self.child.pid

    def succeed(self) -> None:
        """Has another process take its place, and waits until it has."""
        os.kill(self.pid, signal.SIGUSR2)
        found = self.wait_for(r"process (\d+) serves from now on|(no successor.*)", START_SECONDS_MAX)
        if found.group(2):
            raise RuntimeError(found.group(2))
        self.pid = int(found.group(1))

    def end(self) -> float:
        """Asks the one that serves to end. Gives the seconds until it had."""
        start = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        if self.pid == self.child.pid:
            self.child.wait(STOP_SECONDS_MAX)
        else:
            # No child of ours: its end of the log tells.
            self.wait_for(r"served \d+ requests", STOP_SECONDS_MAX)
        return time.monotonic() - start

    def kill(self) -> None:
        for pid in {self.pid, self.child.pid}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()


def connection(server: Succeeded, sent: bytes, until: bytes) -> socket.socket:
    """A connection that has sent this, and received something that ends with that."""
    stream = socket.create_connection(server.address, timeout=STOP_SECONDS_MAX)
    stream.sendall(sent)
    received = b""
    while not received.endswith(until):
        piece = stream.recv(65536)
        if not piece:
            raise RuntimeError(f"closed after {received!r}")
        received += piece
    return stream


def exit_seconds(connections: int) -> float:
    """From SIGTERM to the exit, with all of these at once."""
    server = Succeeded("--log-level", "warn", "--connections", str(connections + 1000))
    try:
        get = b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n"
        streams = b"GET /events?count=100000 HTTP/1.1\r\nHost: a\r\n\r\n"
        half = b"GET / HTTP/1.1\r\nHost: a\r\n"
        held = [connection(server, get, b"Hello, World!") for _ in range(connections)]
        held += [connection(server, streams, b"\r\n\r\n") for _ in range(STREAMS)]
        held += [connection(server, half, b"") for _ in range(HALF_HEADS)]
        took = server.end()
        if server.child.returncode != 0:
            raise RuntimeError(f"exit code {server.child.returncode}: {server.last_line}")
        assert all_closed(held)
        return took
    finally:
        server.kill()


def all_closed(streams: list[socket.socket]) -> bool:
    """Whether each of them ends, and none by a reset."""
    for stream in streams:
        while stream.recv(65536):
            pass
        stream.close()
    return True


def load(server: Succeeded, keepalive: bool, requests: int) -> subprocess.Popen:
    url = "http://{}:{}/plaintext".format(*server.address)
    flags = [f"--threads={THREADS}", f"--requests={requests}", f"--url={url}"]
    flags += [f"--keepalive={str(keepalive).lower()}"]
    return subprocess.Popen([str(TARGET / "client_go"), *flags], stdout=subprocess.PIPE, text=True)


def failures(client: subprocess.Popen) -> dict[str, int]:
    """What the client saw that was no answer, by kind; requests it did not send left out."""
    said, _ = client.communicate(timeout=CLIENT_SECONDS_MAX)
    kinds = dict(re.findall(r"^  (.+): (\d+)$", said, re.MULTILINE))
    count = int(re.search(r"^count: (\d+)$", said, re.MULTILINE).group(1))
    if not count:
        raise RuntimeError(f"the client was answered nothing:\n{said}")
    kinds = {kind: int(number) for kind, number in kinds.items() if kind != "not sent"}
    return {"answered": count, **kinds}


def lost_in_stop(keepalive: bool) -> tuple[int, int, float]:
    """Answers and losses of one stop under load, and the seconds it took."""
    server = Succeeded("--log-level", "warn")
    try:
        client = load(server, keepalive, 200_000)
        time.sleep(LOAD_SECONDS)
        took = server.end()
        seen = failures(client)
        seen.pop("connect", None)
        return seen.pop("answered"), sum(seen.values()), took
    finally:
        server.kill()


def lost_in_restarts(keepalive: bool, rounds: int) -> tuple[int, int]:
    """Answers and losses of many restarts under one load."""
    server = Succeeded("--log-level", "warn")
    stopped = threading.Event()
    total = {"answered": 0, "lost": 0}

    def clients() -> None:
        while not stopped.is_set():
            seen = failures(load(server, keepalive, 2_000))
            total["answered"] += seen.pop("answered")
            total["lost"] += sum(seen.values())

    thread = threading.Thread(target=clients)
    try:
        thread.start()
        for _ in range(rounds):
            time.sleep(LOAD_SECONDS)
            server.succeed()
    finally:
        stopped.set()
        thread.join()
        server.end()
        server.kill()
    return total["answered"], total["lost"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/drain.py", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=positive, default=20, help="stops, and restarts, of a kind")
    parser.add_argument("--connections", type=positive, default=1000, help="idle at the stop")
    options = parser.parse_args()
    build(references=False)
    seconds = [exit_seconds(options.connections) for _ in range(3)]
    print(
        f"SIGTERM to exit, {options.connections} idle connections, {STREAMS} streams, "
        f"{HALF_HEADS} half heads: median {statistics.median(seconds):.3f} s, "
        f"from {min(seconds):.3f} to {max(seconds):.3f} s"
    )
    lost_at_all = 0
    for keepalive in (True, False):
        name = "connections kept" if keepalive else "a connection for each request"
        stops = [lost_in_stop(keepalive) for _ in range(options.rounds)]
        answered, lost = sum(stop[0] for stop in stops), sum(stop[1] for stop in stops)
        took = statistics.median(stop[2] for stop in stops)
        lost_at_all += lost
        print(
            f"{options.rounds} stops, {name}: {answered} answered, {lost} lost, "
            f"median {took:.3f} s"
        )
        answered, lost = lost_in_restarts(keepalive, options.rounds)
        lost_at_all += lost
        print(f"{options.rounds} restarts, {name}: {answered} answered, {lost} lost")
    return 1 if lost_at_all else 0


if __name__ == "__main__":
    sys.exit(main())
