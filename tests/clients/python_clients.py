"""Makes one group of requests, with Python's own clients, of the tests' application.

It must not be lenient: what is not as it should be is an exception, which is an exit code.
"""

import http.client
import socket
import sys
import urllib.error
import urllib.request

# Longest wait for anything to be sent or to come.
SECONDS_MAX = 60
HOST = "127.0.0.1"
LARGE = b"0123456789abcdef" * 100_000

Answer = tuple[int, bytes]


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(HOST, port, timeout=SECONDS_MAX)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body=None, **more) -> Answer:
    connection.request(method, path, body, **more)
    answer = connection.getresponse()
    return answer.status, answer.read()


def want(seen: object, wanted: object) -> None:
    if seen != wanted:
        raise AssertionError(f"{seen!r:.200} where {wanted!r:.200} was wanted")


def kept(port: int) -> None:
    connection = connect(port)
    for _ in range(20):
        want(ask(connection, "GET", "/"), (200, b"root"))
        want(ask(connection, "HEAD", "/bytes/100000"), (200, b""))
        want(ask(connection, "GET", "/nowhere")[0], 404)
        want(ask(connection, "DELETE", "/")[0], 405)
        want(ask(connection, "GET", "/stream/100"), (200, b"abc" * 100))
    connection.close()


def bodies(port: int) -> None:
    connection = connect(port)
    pieces = [LARGE[at : at + 10_007] for at in range(0, len(LARGE), 10_007)]
    # An iterator's length is not known beforehand, so that it is sent in chunks.
    want(ask(connection, "POST", "/echo", iter(pieces), encode_chunked=True), (200, LARGE))
    want(ask(connection, "POST", "/echo", LARGE), (200, LARGE))
    want(ask(connection, "POST", "/live", iter(pieces)), (200, b"1600000 bytes"))
    want(ask(connection, "PUT", "/echo", b""), (200, b""))
    want(ask(connection, "PUT", "/echo", iter([])), (200, b""))
    want(ask(connection, "GET", "/bytes/5000000"), (200, b"x" * 5_000_000))
    want(ask(connection, "GET", "/stream/100000"), (200, b"abc" * 100_000))
    connection.close()


def expect(port: int) -> None:
    """Waits for leave, which `http.client` does not do by itself."""
    for length, first in ((len(LARGE), b"HTTP/1.1 100 Continue\r\n"), (1 << 40, b"HTTP/1.1 413 ")):
        connection = connect(port)
        connection.putrequest("POST", "/echo")
        connection.putheader("Content-Length", str(length))
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        seen = connection.sock.recv(len(first), socket.MSG_PEEK | socket.MSG_WAITALL)
        want(seen, first)
        if b"100" in first:
            connection.send(LARGE)
            # It passes over interim answers.
            want(connection.getresponse().read(), LARGE)
        else:
            want(connection.getresponse().status, 413)
        connection.close()


def urllib_(port: int) -> None:
    """Each of its requests has a connection of its own, and says so."""
    base = f"http://{HOST}:{port}"
    with urllib.request.urlopen(f"{base}/", timeout=SECONDS_MAX) as answer:
        want((answer.status, answer.read()), (200, b"root"))
        want(answer.headers["Connection"], "close")
    with urllib.request.urlopen(f"{base}/echo", LARGE, timeout=SECONDS_MAX) as answer:
        want((answer.status, answer.read()), (200, LARGE))
    try:
        urllib.request.urlopen(f"{base}/nowhere", timeout=SECONDS_MAX)
    except urllib.error.HTTPError as error:
        want((error.code, error.headers["Content-Type"]), (404, "application/problem+json"))
    else:
        raise AssertionError("404 was no error")


GROUPS = {"kept": kept, "bodies": bodies, "expect": expect, "urllib": urllib_}

if __name__ == "__main__":
    GROUPS[sys.argv[2]](int(sys.argv[1]))
