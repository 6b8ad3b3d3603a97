"""Servers under test: building, starting, measuring and stopping them.

It must know nothing of loads: a server is a process with an address, CPU time and memory.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
REFERENCES = ROOT / "bench" / "target"

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 40

SERVER_CPU = 0
CLIENT_CPU = 1


@dataclass(frozen=True)
class Contestant:
    """A server that can be started."""

    name: str
    command: tuple[str, ...]


OURS = Contestant(
    "container",
    (f"{TARGET}/release/sample_server", "--port", "0", "--workers", "1", "--log-level", "warn",
     "--database", ":memory:"),
)
CONTESTANTS = (
    Contestant("floor", (f"{REFERENCES}/release/epoll_floor",)),
    Contestant("hyper", (f"{REFERENCES}/release/hyper_ref",)),
    OURS,
)


def build(references: bool = True) -> None:
    """Builds the server and the clients, and the servers to compare with unless told not to."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(REFERENCES)}
    cargo = ["cargo", "build", "--release", "--quiet"]
    subprocess.run([*cargo, "--bin", "sample_server", "--bin", "client"], cwd=ROOT, check=True)
    # Only some sections need it, and they say so when there is none.
    if shutil.which("go"):
        go = ["go", "build", "-o", str(TARGET / "client_go"), "client.go"]
        subprocess.run(go, cwd=ROOT / "client_go", check=True)
    if references:
        subprocess.run(cargo, cwd=ROOT / "bench", env=environment, check=True)


def pinned(cpu: int, command: list[str]) -> list[str]:
    """The command on one CPU of its own, where the machine has two."""
    if (os.cpu_count() or 1) < 2:
        return command
    return ["taskset", "-c", str(cpu), *command]


class Server:
    """A running server; leaving the `with` block ends it."""

    def __init__(self, contestant: Contestant):
        self.contestant = contestant
        self.process = subprocess.Popen(
            pinned(SERVER_CPU, list(contestant.command)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            self.port = self._await_start()
        except BaseException:
            self.stop()
            raise
        # The pipe must not fill up, or the server would wait for us.
        threading.Thread(target=self._drain, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _await_start(self) -> int:
        """Waits for the line that says the address, and takes the port from it."""
        stderr = self.process.stderr
        said = b""
        while select.select([stderr], [], [], START_SECONDS_MAX)[0]:
            piece = os.read(stderr.fileno(), 4096)
            said += piece
            found = re.search(rb"listening on http://[^\s:]+:(\d+)", said)
            if found and b"\n" in said[found.start() :]:
                return int(found.group(1))
            if not piece:
                break
        text = said.decode(errors="replace").strip() or "it said nothing"
        raise RuntimeError(f"{self.contestant.name} did not start: {text}")

    def _drain(self) -> None:
        while self.process.stderr.read(4096):
            pass

    def cpu_ns(self) -> int:
        """Nanoseconds of CPU time, user and system, that all its threads have used."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total

    def user_bytes(self) -> int:
        """Bytes of memory of its own; pages of its program file and the kernel's are left out."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
