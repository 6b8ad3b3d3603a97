"""Servers under test: building and starting them.

It must know nothing of loads: a server is a process with an address and memory.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from process import Process

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
REFERENCES = ROOT / "bench" / "target"

SERVER_CPU = 0
CLIENT_CPU = 1

# What each server says in its own words when it is ready.
LISTENING = r"(?:[Ll]istening|running) (?:on|at:?) http://[^\s:]+:(\d+)"


@dataclass(frozen=True)
class Contestant:
    """A server that can be started."""

    name: str
    command: tuple[str, ...]
    # The CPU that it has for itself, or none where it shares all of them.
    cpu: int | None = SERVER_CPU
    # What `Popen` is told besides: its environment and folder.
    options: dict = field(default_factory=dict)


OURS_BINARY = f"{TARGET}/release/sample_server"
OURS = Contestant(
    "container",
    (OURS_BINARY, "--port", "0", "--workers", "1", "--log-level", "warn",
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


def pinned(cpu: int | None, command: list[str]) -> list[str]:
    """The command on one CPU of its own, where that is wanted and the machine has two."""
    if cpu is None or (os.cpu_count() or 1) < 2:
        return command
    return ["taskset", "-c", str(cpu), *command]


class Server(Process):
    """A running server; leaving the `with` block ends it."""

    def __init__(self, contestant: Contestant):
        self.contestant = contestant
        command = pinned(contestant.cpu, list(contestant.command))
        super().__init__(contestant.name, command, LISTENING, **contestant.options)
        self.port = int(self.ready.group(1))

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def user_bytes(self) -> int:
        """Bytes of memory of its own; pages of its program file and the kernel's are left out."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024
