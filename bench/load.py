"""Loads: wrk, and many connections held open by this process.

It must not judge: it says what happened, and `run.py` what to make of it.
"""

import contextlib
import http.client
import json
import re
import resource
import select
import socket
import subprocess
import time
from dataclasses import dataclass

from server import CLIENT_CPU, ROOT, TARGET, Server, pinned

# Longest wait for one answer.
ANSWER_SECONDS_MAX = 60
# Longest run of a client that we start.
CLIENT_SECONDS_MAX = 300

PIPELINE = ROOT / "bench" / "pipeline.lua"


@dataclass(frozen=True)
class Round:
    """What one short run of wrk saw."""

    requests: int
    per_second: float
    p99_us: float
    # CPU time of the server and its processes for one request.
    cpu_us: float
    # Requests that were answered something else than was asked for, or not at all.
    errors: int


def wrk(server: Server, seconds: int, connections: int, pipelined: int) -> Round:
    """Loads `/plaintext` from one thread, with `pipelined` requests sent at a time."""
    script = ("-s", str(PIPELINE)) if pipelined > 1 else ()
    seen = any_wrk(server, "/plaintext", seconds, connections, script, (str(pipelined),))
    if seen.errors:
        raise RuntimeError(f"{server.contestant.name}: wrk saw {seen.errors} errors")
    return seen


def any_wrk(
    server: Server,
    path: str,
    seconds: int,
    connections: int,
    script: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
) -> Round:
    """Loads any path from one thread, and counts errors."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *script]
    command += [f"{server.url}{path}", "--", *arguments]
    before = server.cpu_ns()
    # A server that shares its CPU shares that of the client too.
    said = client(command, None if server.contestant.cpu is None else CLIENT_CPU)
    cpu_ns = server.cpu_ns() - before
    requests = int(re.search(r"(\d+) requests in", said).group(1))
    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    p99_us = float(value) * {"us": 1, "ms": 1_000, "s": 1_000_000}[unit]
    cpu_us = cpu_ns / 1_000 / max(requests, 1)
    return Round(requests, per_second, p99_us, cpu_us, errors_of(said))


def errors_of(said: str) -> int:
    """What wrk says of errors, if it does: of connections, and of the statuses of answers."""
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    numbers = [each for found in (refused, broken) if found for each in found.groups()]
    return sum(map(int, numbers))


def client(command: list[str], cpu: int | None = CLIENT_CPU) -> str:
    """Runs a client on its own CPU; hands back what it printed. An exit code not 0 is an error."""
    done = subprocess.run(
        pinned(cpu, command),
        capture_output=True,
        text=True,
        timeout=CLIENT_SECONDS_MAX,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}".strip())
    return done.stdout


def go_client(server: Server, threads: int, requests: int) -> str:
    flags = [f"--threads={threads}", f"--requests={requests}", f"--url={server.url}/"]
    return client([str(TARGET / "client_go"), *flags])


def compare_client(server: Server) -> str:
    return client([str(TARGET / "release" / "client"), "compare", "--url", server.url])


def allow_descriptors() -> None:
    """Lets this process, and those it starts, have as many descriptors as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECONDS_MAX)


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def status_of(connection: socket.socket) -> int:
    """Reads one answer, which must state its length, to its end; says its status."""
    answer = b""
    while True:
        head, blank, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if blank and len(body) >= int(length.group(1) if length else 0):
            return int(head.split(b" ", 2)[1])
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError(f"closed after {len(answer)} bytes of an answer")
        answer += piece


def link(server: Server) -> http.client.HTTPConnection:
    """A connection for one request after another, made when the first is sent."""
    return http.client.HTTPConnection(*server.address, timeout=ANSWER_SECONDS_MAX)


def post(link: http.client.HTTPConnection, path: str, body: dict, wanted: int) -> None:
    """Sends JSON, and wants this status."""
    link.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = link.getresponse()
    said = answer.read()
    if answer.status != wanted:
        raise RuntimeError(f"{path}: status {answer.status}: {said.decode()}")


def add_account(server: Server, name: str, password: str) -> None:
    """Adds an account that may log in, the first one of a new server with the id 1."""
    account = {"name": name, "email": f"{name}@example.org", "password": password}
    with contextlib.closing(link(server)) as connection:
        post(connection, "/api/user", account, 201)


def idle_bytes(server: Server, count: int) -> float:
    """User memory of the server for each of `count` connections that wait after one request."""
    # The first one pays for what is made once, and is not counted.
    connections = [answered(server)]
    before = server.user_bytes()
    try:
        while len(connections) < count:
            connections.append(answered(server))
        return (server.user_bytes() - before) / (count - 1)
    finally:
        for connection in connections:
            connection.close()


def answered(server: Server, path: str = "/plaintext") -> socket.socket:
    """A connection that has had one request answered and stays open."""
    connection = connect(server)
    ask_again(connection, path)
    return connection


def ask_again(connection: socket.socket, path: str = "/plaintext") -> None:
    """One more request over such a connection."""
    connection.sendall(request(path))
    if (status := status_of(connection)) != 200:
        raise RuntimeError(f"status {status} for {path}")


def hold(server: Server, count: int, path: str) -> tuple[float, int]:
    """Sends `count` requests at once, each on its connection.

    Returns the seconds from the first byte sent to the last answer, and how many were 200.
    """
    connections = {}
    poll = select.epoll()
    try:
        for _ in range(count):
            connection = connect(server)
            connections[connection.fileno()] = connection
            poll.register(connection, select.EPOLLIN)
        start = time.monotonic()
        for connection in connections.values():
            connection.sendall(request(path))
        good = sum(status == 200 for status in answers(poll, connections))
        return time.monotonic() - start, good
    finally:
        poll.close()
        for connection in connections.values():
            connection.close()


def answers(poll: select.epoll, connections: dict[int, socket.socket]):
    """Yields one status for each connection, as they arrive."""
    waiting = set(connections)
    while waiting:
        events = poll.poll(ANSWER_SECONDS_MAX)
        if not events:
            raise RuntimeError(f"{len(waiting)} answers still missing")
        for descriptor, _ in events:
            if descriptor in waiting:
                waiting.discard(descriptor)
                poll.unregister(descriptor)
                yield status_of(connections[descriptor])
