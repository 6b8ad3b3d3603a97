"""What a few greedy connections take from a thousand modest ones on the same worker.

What is measured is how long an answer waits for its turn behind the greedy ones, so all else has to
be kept out. The requests of the thousand are due at fixed times, whether or not answers come, at a
rate that leaves the worker idle most of the time. The greedy clients share the CPU of the client
that measures; that client, and the server, run as soon as they can (as real-time processes, which
takes root), before the greedy and before whatever else the machine does. Since the kernel stops
real-time processes that take a whole CPU, the greedy pause as long as they are greedy, for about a
hundredth of a second each time. What is left of them in the figure is what the kernel does for their packets on
both CPUs.

It must not judge: it says what happened, and `run.py` what to make of it. Run as a program, it is a
greedy client.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import load
from server import CLIENT_CPU, OURS, TARGET, Server, pinned

# Connections of the modest, and their requests in a second.
CONNECTIONS = 1000
RATE = 2000
# Length of a round. In its first instants connections are made, which must be well below a
# hundredth of its requests.
SECONDS = 8

# Requests that the first of the greedy sends at a time.
PIPELINED = 10_000
# Bytes in each chunk that the second one sends, without an end.
CHUNK = 64 << 10
# Bytes that the third one asks for, again and again.
LARGE = 1 << 30
# Bytes received at a time, and kept by the kernel until then. What the kernel does with more at once
# holds up whoever else is on that CPU, whatever the priorities.
RECEIVED = 64 << 10

# Whoever asks for the CPU gets it before all others.
FIRST = ("chrt", "--rr", "10") if os.geteuid() == 0 else ()

# How long they are greedy, and then how long they are not.
BURST_SECONDS = 0.01

# The timers of bodies would end the second of the greedy.
SERVER = replace(OURS, command=(*FIRST, *OURS.command, "--body-timeout=1h"))


def p99_us(server: Server) -> float:
    """How long answers take that the modest get, in microseconds."""
    command = [*FIRST, f"{TARGET}/release/client", "load", f"--url={server.url}/plaintext", "--json"]
    command += [f"--rate={RATE}", f"--duration={SECONDS}s"]
    command += [f"--connections={CONNECTIONS}", f"--threads={CONNECTIONS}"]
    return json.loads(load.client(command))["latency_us"]["p99"]


@contextlib.contextmanager
def greedy(server: Server, kinds: tuple[str, ...]):
    """Has one greedy client of each of these kinds, as long as the `with` block lasts."""
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(one_greedy(server, kind))
        yield


@contextlib.contextmanager
def one_greedy(server: Server, kind: str):
    process = subprocess.Popen(
        pinned(CLIENT_CPU, [sys.executable, "-B", __file__, str(server.port), kind]),
        stdin=subprocess.PIPE,
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


def pipeline(connection: socket.socket) -> None:
    """Ten thousand requests at a time, whose answers are read while they are sent."""
    one = load.request("/plaintext")
    connection.sendall(one)
    # So small an answer comes whole; all have the same length.
    expected = PIPELINED * len(connection.recv(RECEIVED))
    say_greedy()
    buffer = bytearray(RECEIVED)
    while True:
        begun = time.monotonic()
        sender = threading.Thread(target=connection.sendall, args=(one * PIPELINED,), daemon=True)
        sender.start()
        missing = expected
        while missing > 0:
            missing -= connection.recv_into(buffer)
        sender.join()
        time.sleep(time.monotonic() - begun)


def upload(connection: socket.socket) -> None:
    """A body without an end, as fast as it is taken."""
    head = b"POST /count HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (CHUNK, b"x" * CHUNK)
    connection.sendall(head + chunk)
    say_greedy()
    for _ in bursts():
        connection.sendall(chunk)


def download(connection: socket.socket) -> None:
    """One large answer after another, as fast as they come."""
    connection.sendall(load.request(f"/bytes/{LARGE}") * 1000)
    buffer = bytearray(RECEIVED)
    if connection.recv_into(buffer) > 0:
        say_greedy()
    for _ in bursts():
        if connection.recv_into(buffer) == 0:
            return


def bursts():
    """Yields again and again, with pauses."""
    while True:
        end = time.monotonic() + BURST_SECONDS
        while time.monotonic() < end:
            yield
        time.sleep(BURST_SECONDS)


def say_greedy() -> None:
    print("greedy", flush=True)


KINDS = {"pipeline": pipeline, "upload": upload, "download": download}


if __name__ == "__main__":
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    link.connect(("127.0.0.1", int(sys.argv[1])))
    KINDS[sys.argv[2]](link)
