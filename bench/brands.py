"""`GET /brands`, a hundred rows as JSON: the container beside what others are written with.

All ask the same table of the same PostgreSQL for every request, and all share all CPUs with it and
with the client: what a request costs anywhere is taken from all. Rounds are short and interleaved.
It must not judge: `data.py` does.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from statistics import median
from tempfile import TemporaryDirectory

import load
from postgres import Postgres
from process import START_SECONDS_MAX
from report import ratio, table
from server import OURS, OURS_BINARY, REFERENCES, ROOT, TARGET, Contestant, Server

PATH = "/brands"
# As the original was loaded.
CONNECTIONS = 200
# As many as the originals had, where there are any.
PROCESSES = 8

ORIGINALS = ROOT / "bench" / "originals"
VIRTUALENV = TARGET / "originals"
# Longest wait for one request, before anything is measured.
ANSWER_SECONDS_MAX = 30
# Between two tries to connect.
RETRY_SECONDS = 0.1


@dataclass(frozen=True)
class Seen:
    """What came of one round."""

    load: load.Round
    # CPU time of the database for one request.
    database_us: float


def ours(name: str, database: str) -> Contestant:
    """The container as its users start it."""
    command = (OURS_BINARY, "--port", "0", "--log-level", "warn", "--database", database)
    return Contestant(name, command, cpu=None)


def axum(url: str) -> Contestant:
    return Contestant("axum", (f"{REFERENCES}/release/axum_ref", "--database", url), cpu=None)


def originals(url: str) -> list[Contestant]:
    """The original's three set-ups, on what they are today; none where they cannot be installed."""
    if not installed():
        print("SKIPPED: Flask, aiohttp and Starlette could not be installed with pip")
        return []
    environment = {**os.environ, "DATABASE": url, "PYTHONDONTWRITEBYTECODE": "1"}
    options = {"env": environment, "cwd": ORIGINALS}
    programs = VIRTUALENV / "bin"
    gunicorn = (f"{programs}/gunicorn", "--bind=127.0.0.1:0", f"--workers={PROCESSES}")
    uvicorn = (f"{programs}/uvicorn", "--port=0", f"--workers={PROCESSES}", "--no-access-log")
    commands = {
        "Flask, gunicorn": (*gunicorn, "flask_brands:app"),
        "aiohttp": (f"{programs}/python", "aiohttp_brands.py"),
        "Starlette, uvicorn": (*uvicorn, "starlette_brands:app"),
    }
    return [Contestant(name, it, cpu=None, options=options) for name, it in commands.items()]


def installed() -> bool:
    """Whether the originals' packages are there, which are installed when they are not."""
    wanted = (ORIGINALS / "requirements.txt").read_text()
    mark = VIRTUALENV / "requirements.txt"
    if mark.is_file() and mark.read_text() == wanted:
        return True
    pip = [f"{VIRTUALENV}/bin/python", "-m", "pip", "install", "--quiet", "--retries", "1"]
    pip += ["--disable-pip-version-check", "-r", f"{ORIGINALS}/requirements.txt"]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", VIRTUALENV], check=True)
        subprocess.run(pip, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    mark.write_text(wanted)
    return True


def measure(rounds: int, seconds: int) -> dict[str, list[Seen]]:
    """All rounds of all contestants. The first two are ours, on PostgreSQL and on SQLite."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(Postgres())
        # It makes the tables, so it is the first.
        servers = [stack.enter_context(Server(ours(f"{OURS.name}, PostgreSQL", database.url)))]
        folder = stack.enter_context(TemporaryDirectory(prefix="bench-brands-"))
        sqlite = ours(f"{OURS.name}, SQLite", f"{folder}/data.db")
        others = [sqlite, axum(database.url), *originals(database.url)]
        servers += [stack.enter_context(Server(contestant)) for contestant in others]
        expected = answer(servers[0])
        for server in servers:
            if first_answer(server) != expected:
                raise RuntimeError(f"{server.name} does not answer what the others do")
            load.any_wrk(server, PATH, 1, CONNECTIONS)  # warm up
        seen = {server.name: [] for server in servers}
        for turn in range(rounds):
            shift = turn % len(servers)
            for server in servers[shift:] + servers[:shift]:
                seen[server.name].append(one_round(server, database, seconds))
        return seen


def first_answer(server: Server) -> object:
    """What it answers, once it does: some say where they listen before they do."""
    end = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            return answer(server)
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
        time.sleep(RETRY_SECONDS)


def answer(server: Server) -> object:
    with urllib.request.urlopen(f"{server.url}{PATH}", timeout=ANSWER_SECONDS_MAX) as said:
        return json.load(said)


def one_round(server: Server, database: Postgres, seconds: int) -> Seen:
    before = database.cpu_ns()
    seen = load.any_wrk(server, PATH, seconds, CONNECTIONS)
    database_ns = database.cpu_ns() - before
    return Seen(seen, database_ns / 1_000 / max(seen.requests, 1))


def show(seen: dict[str, list[Seen]]) -> None:
    rows = [("server", "requests/s", "to the best other", "p99 ms", "errors", "CPU us/request",
             "of the database")]
    best = best_other(seen)
    for name, rounds in seen.items():
        loads = [each.load for each in rounds]
        here = per_second(seen, name)
        rows.append(
            (
                name,
                f"{here:,.0f}",
                ratio(here, best),
                f"{median(each.p99_us for each in loads) / 1000:,.1f}",
                f"{sum(each.errors for each in loads):,}",
                f"{median(each.cpu_us for each in loads):,.1f}",
                f"{median(each.database_us for each in rounds):,.1f}",
            )
        )
    table(rows)


def to_best(seen: dict[str, list[Seen]]) -> float:
    """The worse of ours to the best of the others, in requests per second."""
    return min(per_second(seen, name) for name in seen if is_ours(name)) / best_other(seen)


def best_other(seen: dict[str, list[Seen]]) -> float:
    return max(per_second(seen, name) for name in seen if not is_ours(name))


def per_second(seen: dict[str, list[Seen]], name: str) -> float:
    return median(each.load.per_second for each in seen[name])


def is_ours(name: str) -> bool:
    return name.startswith(OURS.name)
