"""A PostgreSQL server of the benchmark's own, in a temporary folder: started, killed, started again.

It must not know what is in its tables.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from process import Process, free_port

# Where Debian puts the programs of each version, besides the search path.
VERSIONS = Path("/usr/lib/postgresql")
# Whom it runs as where we are root, which it refuses.
UNPRIVILEGED = ("postgres", "nobody")

USER = DATABASE = "bench"
READY = "database system is ready to accept connections"

# Eight processes of six connections are the most that a contestant has; all are there at once.
CONNECTIONS = 200

# How often a start is tried: what is left of a killed server needs a moment to notice.
ATTEMPTS = 100


class Postgres:
    """A server; leaving the `with` block ends it and removes its files."""

    def __init__(self) -> None:
        self.programs = programs()
        if not self.programs:
            raise RuntimeError("there is no PostgreSQL")
        self.owner = owner()
        self.folder = tempfile.TemporaryDirectory(prefix="bench-postgres-")
        try:
            self._initialise()
            self.port = free_port()
            self.start()
            self.sql(f"CREATE DATABASE {DATABASE}", "postgres")
        except BaseException:
            self.folder.cleanup()
            raise

    @property
    def url(self) -> str:
        return f"postgres://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Starts it, and waits until it can be connected to. As its users would: commits are safe
        on the disk when they are acknowledged."""
        command = [self.programs / "postgres", "-D", self._data, "-k", self.folder.name]
        command += ["-h", "127.0.0.1", "-p", str(self.port), "-c", f"max_connections={CONNECTIONS}"]
        for attempt in range(ATTEMPTS):
            try:
                self.process = Process("PostgreSQL", command, READY, **self.owner)
                return
            except RuntimeError:
                if attempt == ATTEMPTS - 1:
                    raise

    def kill(self) -> None:
        """Ends it and all that serve its connections, as a loss of power would."""
        self.process.kill()

    def sql(self, statement: str, database: str = DATABASE) -> list[str]:
        """Runs a statement over a connection of its own, and gives its rows."""
        command = [self.programs / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", self.folder.name, "-p", str(self.port), "-U", USER, "-d", database]
        done = subprocess.run([*command, "-c", statement], check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    def cpu_ns(self) -> int:
        return self.process.cpu_ns()

    @property
    def _data(self) -> str:
        return f"{self.folder.name}/data"

    def _initialise(self) -> None:
        if self.owner:
            shutil.chown(self.folder.name, self.owner["user"], self.owner["group"])
        # Nobody but this machine reaches it, and there is nothing in it worth a password.
        command = [self.programs / "initdb", "-D", self._data, "-U", USER, "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, **self.owner)

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(self, *_: object) -> None:
        # At once, whoever is still connected.
        self.process.child.send_signal(signal.SIGINT)
        self.process.child.wait()
        self.folder.cleanup()


def programs() -> Path | None:
    """The folder of the server's programs, of the newest version; nothing where there is none."""
    versions = [folder / "bin" for folder in VERSIONS.glob("*")]
    versions.sort(key=lambda folder: [int(part) for part in folder.parent.name.split(".")])
    found = shutil.which("postgres")
    folders = [*reversed(versions), *([Path(found).resolve().parent] if found else [])]
    needed = ("initdb", "postgres", "psql")
    return next((it for it in folders if all((it / name).is_file() for name in needed)), None)


def owner() -> dict:
    """How a process is started that belongs to whom the server may run as."""
    if os.geteuid() != 0:
        return {}
    for name in UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    raise RuntimeError("PostgreSQL does not run as root, and there is nobody else")
