"""Peers that are slow or that do not go: what they take from the others, and what they hold.

It must not judge: it says what happened, and `run.py` what to make of it. Run as a program, it is
the dripping clients, which need a process of their own on the clients' CPU.
"""

import contextlib
import select
import socket
import subprocess
import sys
import time
from dataclasses import replace

from load import ANSWER_SECONDS_MAX, allow_descriptors, connect, request
from server import CLIENT_CPU, OURS, Server, pinned

# A dripping client sends a byte of its head in this time.
DRIP_SECONDS = 0.5
# It comes again after this time, by when the server has refused it: a head may take 10 s.
DRIP_LIFE_SECONDS = 12
# All of them send their bytes in this many turns, so that they never come all at once.
DRIP_TURNS = 100

# Longest wait for a figure to stand still, and how long it has to.
SETTLE_SECONDS_MAX = 20
SETTLE_SECONDS = 1

# Descriptors of the server that has too few, and clients that want to be served by it.
DESCRIPTORS = 256
DESCRIPTOR_CLIENTS = 400
# How long that server is watched.
WATCH_SECONDS = 3


@contextlib.contextmanager
def dripping(server: Server, count: int):
    """Has `count` connections send their heads byte by byte, as long as the `with` block lasts."""
    process = subprocess.Popen(
        pinned(CLIENT_CPU, [sys.executable, "-B", __file__, str(server.port), str(count)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        if process.stdout.readline() != b"dripping\n":
            raise RuntimeError("the dripping clients did not start")
        yield
        if process.poll() is not None:
            raise RuntimeError("the dripping clients ended early")
    finally:
        process.kill()
        process.wait()


def unread_bytes(server: Server, count: int, path: str) -> float:
    """User memory for each of `count` clients that ask for `path` and read nothing of it."""
    connections = []
    try:
        # The first one pays for what is made once, and is not counted.
        connections.append(asked(server, path))
        before = settled(server)
        while len(connections) <= count:
            connections.append(asked(server, path))
        return (settled(server) - before) / count
    finally:
        for connection in connections:
            connection.close()


def asked(server: Server, path: str) -> socket.socket:
    """A connection on which the answer to this request has begun to come."""
    connection = connect(server)
    connection.sendall(request(path))
    if not select.select([connection], [], [], ANSWER_SECONDS_MAX)[0]:
        raise RuntimeError("no answer")
    return connection


def settled(server: Server) -> int:
    """The server's user memory, once it stands still."""
    end = time.monotonic() + SETTLE_SECONDS_MAX
    seen = server.user_bytes()
    while time.monotonic() < end:
        time.sleep(SETTLE_SECONDS)
        last, seen = seen, server.user_bytes()
        if last == seen:
            return seen
    raise RuntimeError("the server's memory does not stand still")


def short_of_descriptors() -> float:
    """The part of its CPU that a server uses which cannot accept for want of descriptors."""
    limit = f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"
    contestant = replace(OURS, command=("prlimit", limit, *OURS.command))
    connections = []
    with Server(contestant) as server:
        try:
            while len(connections) < DESCRIPTOR_CLIENTS:
                connections.append(connect(server))
            settled(server)
            before = server.cpu_ns()
            time.sleep(WATCH_SECONDS)
            return (server.cpu_ns() - before) / (WATCH_SECONDS * 1e9)
        finally:
            for connection in connections:
                connection.close()


class Drip:
    """One client that sends its head byte by byte, and comes again when that took too long."""

    HEAD = b"GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"x" * 1000

    def __init__(self, port: int, age: float):
        self.port = port
        self._open(time.monotonic() - age)

    def _open(self, born: float) -> None:
        self.connection = socket.create_connection(("127.0.0.1", self.port))
        self.born = born
        self.sent = 0

    def send(self) -> None:
        try:
            self.connection.send(self.HEAD[self.sent : self.sent + 1])
            self.sent += 1
            if time.monotonic() - self.born < DRIP_LIFE_SECONDS:
                return
        except OSError:
            pass
        self.connection.close()
        self._open(time.monotonic())


def drip(port: int, count: int) -> None:
    """Drips until it is killed."""
    allow_descriptors()
    # As if they had come one after another, so that they do not come again all at once.
    drips = [Drip(port, DRIP_LIFE_SECONDS * i / count) for i in range(count)]
    print("dripping", flush=True)
    turn = 0
    while True:
        start = time.monotonic()
        for one in drips[turn::DRIP_TURNS]:
            one.send()
        turn = (turn + 1) % DRIP_TURNS
        left = start + DRIP_SECONDS / DRIP_TURNS - time.monotonic()
        time.sleep(max(left, 0))


if __name__ == "__main__":
    drip(int(sys.argv[1]), int(sys.argv[2]))
