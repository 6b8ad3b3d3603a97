"""Programs under test: starting them, reading what they say, their CPU time, ending them.

It must not know what any of them does.
"""

import collections
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 40
# What is kept of a log: a start and its troubles.
LINES_MAX = 1000


class Process:
    """A running program and those that it has started; leaving the `with` block ends it."""

    def __init__(self, name: str, command: list[str], ready: str, **options: object):
        self.name = name
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.lines: collections.deque[str] = collections.deque(maxlen=LINES_MAX)
        self.last_line = "it said nothing"
        self.is_silent = False
        self.said = threading.Condition()
        # The pipe must not fill up, or the program would wait for us.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            self.ready = self.wait_for(ready, START_SECONDS_MAX)
        except BaseException:
            self.kill()
            raise

    def _read(self) -> None:
        for line in self.child.stderr:
            with self.said:
                self.lines.append(line)
                self.last_line = line.strip()
                self.said.notify_all()
        with self.said:
            self.is_silent = True
            self.said.notify_all()

    def wait_for(self, pattern: str, seconds: float) -> re.Match:
        """The next line of the log that matches."""
        end = time.monotonic() + seconds
        with self.said:
            while True:
                while self.lines:
                    if found := re.search(pattern, self.lines.popleft()):
                        return found
                if self.is_silent or not self.said.wait(end - time.monotonic()):
                    raise RuntimeError(f"{self.name}: no `{pattern}`: {self.last_line}")

    def cpu_ns(self) -> int:
        """Nanoseconds of CPU time, user and system, that all threads of all processes have used."""
        total = 0
        for pid in tree(self.child.pid):
            for task in Path(f"/proc/{pid}/task").iterdir():
                try:
                    total += int((task / "schedstat").read_text().split()[0])
                except (FileNotFoundError, ProcessLookupError):
                    continue  # it has just ended
        return total

    def stop(self) -> None:
        """Asks it to end, and waits until it has."""
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
        self.reader.join(STOP_SECONDS_MAX)

    def kill(self) -> None:
        """Ends it and all that it has started, without a chance to say goodbye to anybody."""
        for pid in tree(self.child.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def tree(root: int) -> list[int]:
    """A process that has not been waited for, and all that it has started."""
    pids = [root]
    for pid in pids:  # which grows meanwhile
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                pids += [int(child) for child in children.read_text().split()]
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    return pids


def free_port() -> int:
    """A port that nobody listened at just now, for what cannot say which one it was given."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
