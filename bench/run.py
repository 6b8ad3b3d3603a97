"""Compares the container with hyper and with a bare epoll loop, and prints tables.

What counts is CPU time per request as a ratio to the others in the same run: with the server on
one CPU and the client on the other, the client is often the limit of requests per second. Rounds
are short and interleaved, so that what disturbs the machine disturbs all alike.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from statistics import median

import load
import slow_peers
from report import positive, ratio, table, title
from server import CLIENT_CPU, CONTESTANTS, OURS, ROOT, Contestant, Server, build

# Sections that are about the container alone.
OURS_ONLY = ("observing", "held", "slow", "unread", "descriptors", "compare", "go")
SECTIONS = ("cpu", "memory", *OURS_ONLY, "crates")
# What the log is written to: a pipe, whose other end throws it away on the client's CPU, and is no
# child of the server. Only the first lines are for who waits until it is ready.
LOGGED = f"exec \"$@\" 2> >((sed -u 20q >&2; exec taskset -c {CLIENT_CPU} cat >/dev/null) <&0 &)"
UNWATCHED = ("--watchdog-limit", "0", "--watchdog-blocking-limit", "0")
SLEEP_MS = 1000
UNREAD_BYTES = 32 << 20


def main() -> int:
    options = parse()
    # Idle connections are descriptors, here and in the servers, which inherit the limit.
    load.allow_descriptors()
    build()
    failures = []
    for section in options.only:
        if section in OURS_ONLY and OURS.name not in options.servers:
            continue
        try:
            # Each section prints its own table.
            globals()[f"bench_{section}"](options)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"FAILED: {section}: {error}")
            failures.append(section)
    if options.build_time:
        bench_build_time()
    return 1 if failures else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.sh", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=7, help="for each server and kind")
    parser.add_argument("--seconds", type=positive, default=2, help="length of a round")
    parser.add_argument("--connections", type=positive, default=64, help="of wrk")
    parser.add_argument("--pipelined", type=positive, default=16, help="requests at a time")
    parser.add_argument("--idle", type=positive, default=10_000, help="idle connections")
    parser.add_argument("--held", type=positive, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--dripping", type=positive, default=2_000, help="slow clients")
    parser.add_argument("--unread", type=positive, default=200, help="clients that do not read")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    names = [contestant.name for contestant in CONTESTANTS]
    parser.add_argument("--servers", nargs="+", choices=names, default=names)
    parser.add_argument("--build-time", action="store_true", help="time a clean release build")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[Contestant]:
    return [contestant for contestant in CONTESTANTS if contestant.name in options.servers]


def bench_cpu(options: argparse.Namespace) -> None:
    if shutil.which("wrk") is None:
        print("SKIPPED: CPU time per request needs wrk (Debian package: wrk)")
        return
    with all_started(chosen(options)) as servers:
        for pipelined in (1, options.pipelined):
            kind = "one at a time" if pipelined == 1 else f"{pipelined} pipelined"
            title(f"GET /plaintext, {options.connections} connections, {kind}")
            print_rounds(run_rounds(servers, options, pipelined))


@contextlib.contextmanager
def all_started(contestants: list[Contestant]):
    """One server of each, as long as the `with` block lasts."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(contestant)) for contestant in contestants]
        for server in servers:
            load.answered(server).close()
        yield servers


def bench_observing(options: argparse.Namespace) -> None:
    if shutil.which("wrk") is None:
        print("SKIPPED: what observing costs needs wrk (Debian package: wrk)")
        return
    title(f"GET /plaintext, {options.connections} connections: what it costs to be observed")
    measured = (*OURS.command, "--admin", "127.0.0.1:0")
    kinds = {
        "nothing": observed((*OURS.command, *UNWATCHED)),
        "watchdog": observed(OURS.command),
        "and metrics": observed(measured),
        "and log": observed(tuple("info" if part == "warn" else part for part in measured)),
    }
    named = [replace(OURS, name=name, command=command) for name, command in kinds.items()]
    with all_started(named) as servers:
        rounds = run_rounds(servers, options, 1)
    least = {name: min(seen.cpu_us for seen in all_seen) for name, all_seen in rounds.items()}
    rows = [("observed by", "CPU us/request", "to nothing", "least", "to nothing")]
    for name, all_seen in rounds.items():
        usual = [median(seen.cpu_us for seen in rounds[kind]) for kind in (name, "nothing")]
        lowest = least[name], least["nothing"]
        rows.append((name, f"{usual[0]:.3f}", ratio(*usual), f"{lowest[0]:.3f}", ratio(*lowest)))
    table(rows)


def observed(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command with its log thrown away."""
    return ("bash", "-c", LOGGED, "observed", *command)


def run_rounds(
    servers: list[Server], options: argparse.Namespace, pipelined: int
) -> dict[str, list[load.Round]]:
    rounds = {server.contestant.name: [] for server in servers}
    for server in servers:  # warm up
        load.wrk(server, 1, options.connections, pipelined)
    for turn in range(options.rounds):
        # Each round begins with another server: nobody is always the one after the floor.
        shift = turn % len(servers)
        for server in servers[shift:] + servers[:shift]:
            seen = load.wrk(server, options.seconds, options.connections, pipelined)
            rounds[server.contestant.name].append(seen)
    return rounds


def print_rounds(rounds: dict[str, list[load.Round]]) -> None:
    cpu = {name: median(seen.cpu_us for seen in all_seen) for name, all_seen in rounds.items()}
    header = ("server", "CPU us/request", "least", "to floor", "to hyper", "requests/s", "p99 us")
    rows = [header]
    for name, all_seen in rounds.items():
        p99_us = median(seen.p99_us for seen in all_seen)
        rows.append(
            (
                name,
                f"{cpu[name]:.3f}",
                f"{min(seen.cpu_us for seen in all_seen):.3f}",
                ratio(cpu[name], cpu.get("floor")),
                ratio(cpu[name], cpu.get("hyper")),
                f"{median(seen.per_second for seen in all_seen):,.0f}",
                # wrk says 0 for what it pipelines.
                f"{p99_us:,.0f}" if p99_us else "-",
            )
        )
    table(rows)


def bench_memory(options: argparse.Namespace) -> None:
    title(f"User memory of {options.idle:,} idle connections after one request each")
    rows = [("server", "bytes/connection")]
    for contestant in chosen(options):
        with Server(contestant) as server:
            rows.append((contestant.name, f"{load.idle_bytes(server, options.idle):,.0f}"))
    table(rows)


def bench_held(options: argparse.Namespace) -> None:
    title(f"Simultaneous GET /sleep?ms={SLEEP_MS} on one worker; ideal: {SLEEP_MS / 1000:.3f} s")
    rows = [("requests", "seconds", "status 200")]
    for count in options.held:
        # A new server each time, so that nothing is left over from the last one.
        with Server(OURS) as server:
            seconds, good = load.hold(server, count, f"/sleep?ms={SLEEP_MS}")
        rows.append((f"{count:,}", f"{seconds:.3f}", f"{good:,}"))
    table(rows)


def bench_slow(options: argparse.Namespace) -> None:
    if shutil.which("wrk") is None:
        print("SKIPPED: latencies beside slow clients need wrk (Debian package: wrk)")
        return
    title(f"GET /plaintext beside {options.dripping:,} clients that send their heads byte by byte")
    alone, beside = [], []
    with Server(OURS) as server:
        load.wrk(server, 1, options.connections, 1)  # warm up
        for _ in range(options.rounds):
            alone.append(load.wrk(server, options.seconds, options.connections, 1).p99_us)
            with slow_peers.dripping(server, options.dripping):
                beside.append(load.wrk(server, options.seconds, options.connections, 1).p99_us)
    rows = [("", "p99 us", "least", "to alone")]
    for name, seen in (("alone", alone), ("beside", beside)):
        against = ratio(median(seen), median(alone))
        rows.append((name, f"{median(seen):,.0f}", f"{min(seen):,.0f}", against))
    table(rows)


def bench_unread(options: argparse.Namespace) -> None:
    title(f"User memory of {options.unread:,} clients that ask for 32 MiB and read nothing")
    # A thread for each answer that a function writes, also for the one that is not counted.
    threads = ("--blocking-threads", str(options.unread + 1))
    contestant = replace(OURS, command=(*OURS.command, *threads))
    rows = [("route", "bytes/connection")]
    for route in ("/bytes", "/written"):
        with Server(contestant) as server:
            held = slow_peers.unread_bytes(server, options.unread, f"{route}/{UNREAD_BYTES}")
        rows.append((route, f"{held:,.0f}"))
    table(rows)


def bench_descriptors(_: argparse.Namespace) -> None:
    title("CPU of a server that cannot accept for want of descriptors")
    table([("server", "of one CPU"), (OURS.name, f"{slow_peers.short_of_descriptors():.2%}")])


def bench_compare(_: argparse.Namespace) -> None:
    title("The docking API, one request after another and all at once")
    with Server(OURS) as server:
        print(load.compare_client(server).strip())


def bench_go(_: argparse.Namespace) -> None:
    title("client_go, 10 x 10,000 requests")
    with Server(OURS) as server:
        before = server.cpu_ns()
        print(load.go_client(server, 10, 10_000).strip())
        print(f"server CPU us/request: {(server.cpu_ns() - before) / 100_000_000:.3f}")


def bench_crates(_: argparse.Namespace) -> None:
    title("Crates in the default tree, the own one left out")
    rows = [("package", "crates")]
    for package, folder in (("container", ROOT), ("hyper_ref", ROOT / "bench")):
        command = ["cargo", "tree", "-p", package, "-e", "normal,build", "--prefix", "none"]
        tree = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        # A crate that was listed before is marked with (*).
        crates = {" ".join(line.split()[:2]) for line in tree.stdout.splitlines() if line}
        rows.append((package, str(len(crates) - 1)))
    table(rows)


def bench_build_time() -> None:
    title("Clean release build of sample_server")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CARGO_TARGET_DIR": folder}
        command = ["cargo", "build", "--release", "--quiet", "--bin", "sample_server"]
        start = time.monotonic()
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        print(f"{time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
