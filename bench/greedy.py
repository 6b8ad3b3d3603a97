"""A client that takes as much as it gets, over one connection: `greedy.py PORT KIND`.

It says `greedy` when it has begun, and goes on until it is ended. It is greedy for a hundredth of a
second, and pauses for three times as long: who measures beside it runs in real time, and the kernel
stops real-time processes that keep a CPU from all others, as hypervisors do with machines that are
never idle. All greedy clients are so at the same time.
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
# How long they are greedy, and how often: whenever the machine's clock is at a multiple of this.
BURST_SECONDS = 0.01
PERIOD_SECONDS = 0.04


def pipeline(connection: socket.socket) -> None:
    """Ten thousand requests at a time, whose answers are read while they are sent."""
    one = load.request("/plaintext")
    connection.sendall(one)
    # So small an answer comes whole; all have the same length.
    expected = PIPELINED * len(connection.recv(RECEIVED))
    say_greedy()
    buffer = bytearray(RECEIVED)
    for _ in bursts():
        begun = time.monotonic()
        sender = threading.Thread(target=connection.sendall, args=(one * PIPELINED,), daemon=True)
        sender.start()
        missing = expected
        while missing > 0:
            missing -= connection.recv_into(buffer)
        sender.join()
        # All of them take longer than a burst.
        time.sleep((PERIOD_SECONDS / BURST_SECONDS - 1) * (time.monotonic() - begun))


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
        passed = time.monotonic() % PERIOD_SECONDS
        if passed < BURST_SECONDS:
            yield
        else:
            time.sleep(PERIOD_SECONDS - passed)


def say_greedy() -> None:
    print("greedy", flush=True)


KINDS = {"pipeline": pipeline, "upload": upload, "download": download, "events": events}


if __name__ == "__main__":
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    link.connect(("127.0.0.1", int(sys.argv[1])))
    KINDS[sys.argv[2]](link)
