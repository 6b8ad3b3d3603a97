#!/usr/bin/env python3
"""The applications on real databases: what they do beside others, and what they promise.

`brands`: the same JSON from the same database by the container, axum, and the originals. `logins`:
what hashing passwords takes from others. `heal`: PostgreSQL is killed under load. `fan_out`: the
server asks itself a hundred times at once. Prints tables, and fails when a promise is not kept.
"""

import argparse
import shutil
import subprocess
import sys

import brands
import fan_out
import heal
import load
import logins
from postgres import programs
from report import positive, title
from server import build

SECTIONS = ("brands", "logins", "heal", "fan_out")

# The promises: requests for brands to those of the best other; the p99 beside logins to that without;
# seconds for half a second of fan-out.
BRANDS_MIN = 1.0
LOGINS_MAX = 1.3
FAN_OUT_SECONDS_MAX = 0.6


def main() -> int:
    options = parse()
    load.allow_descriptors()
    build()
    kept = []
    for section in options.only:
        try:
            # Each section prints its own table.
            kept.append(globals()[f"bench_{section}"](options))
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"FAILED: {section}: {error}")
            kept.append(False)
    return 0 if all(kept) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/data.py", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=5, help="of each section")
    parser.add_argument("--seconds", type=positive, default=3, help="length of a round of brands")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    return parser.parse_args()


def bench_brands(options: argparse.Namespace) -> bool:
    if not is_there("wrk") or not has_postgres():
        return True
    title(f"GET /brands, wrk -t1 -c{brands.CONNECTIONS}, {options.rounds} rounds of {options.seconds} s")
    seen = brands.measure(options.rounds, options.seconds)
    brands.show(seen)
    return promised(f"at least {BRANDS_MIN} x the best other", brands.to_best(seen) >= BRANDS_MIN)


def bench_logins(options: argparse.Namespace) -> bool:
    title(f"GET /users at {logins.RATE}/s beside {logins.CLIENTS} clients that log in, one worker")
    seen = logins.measure(options.rounds)
    logins.show(seen)
    within = all(each.ratio() <= LOGINS_MAX for each in seen.values())
    return promised(f"p99 within {LOGINS_MAX} x", within)


def bench_heal(options: argparse.Namespace) -> bool:
    if not has_postgres():
        return True
    title(f"PostgreSQL killed for {heal.OUTAGE_SECONDS} s under {2 * heal.CLIENTS} clients")
    outages = heal.measure(options.rounds)
    heal.show(outages)
    plain = all(each.strange() == 0 for each in outages)
    healed = all(each.healed() < heal.WELL_SECONDS for each in outages)
    lost = sum(each.lost for each in outages)
    return all(
        [
            promised("200, 201 or 503, and none hangs", plain),
            promised("it heals by itself", healed),
            promised("nothing acknowledged is lost", lost == 0),
        ]
    )


def bench_fan_out(options: argparse.Namespace) -> bool:
    title(f"{fan_out.CALLS} x {fan_out.SLEEP_MS} ms at once, asked by the server itself, one worker")
    seen = fan_out.measure(options.rounds)
    fan_out.show(seen)
    slowest = max(max(each) for each in seen.values())
    return promised(f"within {FAN_OUT_SECONDS_MAX} s", slowest <= FAN_OUT_SECONDS_MAX)


def is_there(program: str) -> bool:
    if shutil.which(program):
        return True
    print(f"SKIPPED: this needs {program} (Debian package: {program})")
    return False


def has_postgres() -> bool:
    if programs():
        return True
    print("SKIPPED: this needs PostgreSQL (Debian package: postgresql)")
    return False


def promised(promise: str, is_kept: bool) -> bool:
    print(f"{'kept' if is_kept else 'NOT KEPT'}: {promise}")
    return is_kept


if __name__ == "__main__":
    sys.exit(main())
