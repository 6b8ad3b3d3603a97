"""A client that takes as much as it gets, over one connection: `greedy.py PORT KIND`.

It says `greedy` when it has begun, and goes on until it is ended. It pauses for as long as it was
greedy, about a hundredth of a second each time, since who measures beside it runs in real time, and
the kernel stops real-time processes that keep a CPU from all others.
"""

import socket
import sys
import threading
import time

import load

# Requests that `pipeline` sends at a time.
PIPELINED = 10_000
# Bytes in each chunk that `upload` sends, without an end.
CHUNK = 64 << 10
# Bytes that `download` asks for, again and again.
LARGE = 1 << 30
# Events of one stream.
EVENTS = 1_000_000
# Bytes received at a time, and kept by the kernel until then. What the kernel does with more at once
# holds up whoever else is on that CPU, whatever the priorities.
RECEIVED = 64 << 10
# How long they are greedy, and then how long they are not.
BURST_SECONDS = 0.01


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
    receive(connection, f"/bytes/{LARGE}")


def events(connection: socket.socket) -> None:
    """Server-sent events without pauses: many small pieces, which a task of their own makes."""
    receive(connection, f"/events?count={EVENTS}&interval_ms=0")


def receive(connection: socket.socket, path: str) -> None:
    connection.sendall(load.request(path) * 1000)
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


KINDS = {"pipeline": pipeline, "upload": upload, "download": download, "events": events}


if __name__ == "__main__":
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    link.connect(("127.0.0.1", int(sys.argv[1])))
    KINDS[sys.argv[2]](link)
