"""A thousand requests of 5 s, all at the same time: when is each of them answered?

In the original 100 of them were done after 10 s, and the last after about 50 s. Here they meet one
worker of the container: with a handler that awaits, with one that blocks a thread of a pool, and
with a pool that is too small for what its clients are willing to wait. Prints a table, draws
completion times against request numbers as the original did, and fails when a promise is not kept.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import slow_picture
from load import CLIENT_SECONDS_MAX, add_account
from report import table, title
from server import CLIENT_CPU, OURS, TARGET, Server, build, pinned

REQUESTS = 1000
SERVICE_SECONDS = 5

SLEEP = f"/sleep?ms={SERVICE_SECONDS * 1000}"
BLOCKING_SLEEP = f"/blocking{SLEEP}"
ACCOUNT = "/api/user/1"

# 1,000 requests of 5 s in 50 s: about as many as the original had at work at the same time.
SMALL_POOL = 100

# What a run may take beyond the ideal: for a thousand connections, and for what else the machine
# does.
SLACK_SECONDS = 0.1
# The same for each further batch: threads wake one after another.
BATCH_SLACK_SECONDS = 0.1
# What "at once" is for a refusal: the thousand connections are part of it.
REFUSAL_SECONDS_MAX = 0.5
# The same for a server that has not seen yet how long the handler takes: it waits for a quarter of
# the 6 s before it gives the last ones up.
DOUBT_SECONDS_MAX = 2.0

CHROMIUM = "chromium"
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1.5",
)
CHROMIUM_SECONDS_MAX = 60


SMALL = (f"--blocking-threads={SMALL_POOL}", "--deadline=6s")


@dataclass(frozen=True)
class Case:
    """One way to serve them."""

    name: str
    path: str
    # Flags of the server.
    flags: tuple[str, ...]
    # How many are to be answered, the others being refused.
    served: int
    # When the last answer comes if nothing but the handlers takes any time.
    batches: int
    # When the last refusal may come.
    refused_by: float = REFUSAL_SECONDS_MAX
    # Requests before, from which the server learns how long the handler takes.
    before: int = 0

    @property
    def ideal(self) -> int:
        return self.batches * SERVICE_SECONDS

    @property
    def bound(self) -> float:
        return self.ideal + SLACK_SECONDS + (self.batches - 1) * BATCH_SLACK_SECONDS


@dataclass(frozen=True)
class Seen:
    """What became of each request, by its number: when it was answered, or when refused."""

    answered: list[float | None]
    refused: list[float | None]


CASES = (
    Case("async", SLEEP, (), REQUESTS, 1),
    # The original's own route: an account out of the database, after the same time.
    Case("account", ACCOUNT, (), REQUESTS, 1),
    # Queues that stand refuse who has waited too long. Here they are told to be patient: that the
    # last wait for three batches is what is asked for.
    Case(
        "blocking",
        BLOCKING_SLEEP,
        ("--blocking-threads=256", "--queue-target=1m", "--queue-longest=1m"),
        REQUESTS,
        4,
    ),
    # Whoever has to wait for one of these threads is answered after 10 s, and has 6 s.
    Case("small", BLOCKING_SLEEP, SMALL, SMALL_POOL, 1, before=1),
    Case("small, new", BLOCKING_SLEEP, SMALL, SMALL_POOL, 1, DOUBT_SECONDS_MAX),
)


def main() -> int:
    options = parse()
    build(references=False)
    title(f"{REQUESTS:,} simultaneous requests of {SERVICE_SECONDS} s, one worker")
    seen = {case.name: run(case) for case in CASES}
    table([("case", "answered", "first s", "last s", "ideal s", "refused", "last s")] + [
        row(case, seen[case.name]) for case in CASES
    ])
    options.svg.write_text(slow_picture.draw(seen))
    print(f"\ndrawn: {options.svg}")
    if options.png:
        render(options.svg, options.png)
        print(f"drawn: {options.png}")
    kept = [keeps_its_promise(case, seen[case.name]) for case in CASES]
    return 0 if all(kept) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/slow_requests.py", description=__doc__)
    parser.add_argument("--svg", type=Path, default=TARGET / "slow.svg", help="the picture")
    parser.add_argument("--png", type=Path, help=f"the same in pixels; needs {CHROMIUM}")
    return parser.parse_args()


def run(case: Case) -> Seen:
    with Server(replace(OURS, command=OURS.command + case.flags)) as server:
        if case.path == ACCOUNT:
            add_account(server, "bench", "Correct-Horse")
        url = f"{server.url}{case.path}"
        for count in filter(None, (case.before, REQUESTS)):
            done = ask(url, count)
    if not done.stdout.strip():
        raise RuntimeError(f"{case.name}: {done.stderr.strip()}")
    said = json.loads(done.stdout)
    if (kinds := set(said["errors_by_kind"])) - {"status 503"}:
        raise RuntimeError(f"{case.name}: {', '.join(sorted(kinds))}")
    return Seen(said["completion_seconds"], said["failure_seconds"])


def ask(url: str, count: int) -> subprocess.CompletedProcess[str]:
    client = [f"{TARGET}/release/client", "slow", f"--requests={count}", "--json", f"--url={url}"]
    # Refused requests are failures to the client, so its exit code says nothing.
    return subprocess.run(
        pinned(CLIENT_CPU, client), capture_output=True, text=True, timeout=CLIENT_SECONDS_MAX
    )


def row(case: Case, seen: Seen) -> tuple[str, ...]:
    answered, refused = times(seen.answered), times(seen.refused)
    return (
        case.name,
        f"{len(answered):,}",
        f"{answered[0]:.3f}" if answered else "-",
        f"{answered[-1]:.3f}" if answered else "-",
        f"{case.ideal:.3f}",
        f"{len(refused):,}",
        f"{refused[-1]:.3f}" if refused else "-",
    )


def times(each: list[float | None]) -> list[float]:
    return sorted(time for time in each if time is not None)


def keeps_its_promise(case: Case, seen: Seen) -> bool:
    answered, refused = times(seen.answered), times(seen.refused)
    is_kept = (
        len(answered) == case.served
        and answered[-1] <= case.bound
        and all(time <= case.refused_by for time in refused)
    )
    if not is_kept:
        print(f"NOT KEPT: {case.name}: {case.served} within {case.bound:.1f} s, others at once")
    return is_kept


def render(svg: Path, png: Path) -> None:
    """Has a browser draw the picture, finer than on its page."""
    with tempfile.TemporaryDirectory() as profile:
        window = f"--window-size={slow_picture.WIDTH},{slow_picture.HEIGHT}"
        command = [CHROMIUM, *CHROMIUM_FLAGS, window, f"--user-data-dir={profile}"]
        subprocess.run(
            [*command, f"--screenshot={png.resolve()}", svg.resolve().as_uri()],
            check=True,
            capture_output=True,
            timeout=CHROMIUM_SECONDS_MAX,
        )


if __name__ == "__main__":
    sys.exit(main())
