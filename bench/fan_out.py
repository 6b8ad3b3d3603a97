"""The server fetches a URL of its own a hundred times at once: how long the page about it takes.

It must not judge: `data.py` does.
"""

import re
import time
import urllib.parse
import urllib.request
from statistics import median

from load import ANSWER_SECONDS_MAX
from report import table
from server import OURS, Server

CALLS = 100
SLEEP_MS = 500

# The ways to do it, by path.
WAYS = {"async": "/requests/", "blocking": "/requests/async_to_sync"}


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds that each page took, for each way, on one worker."""
    with Server(OURS) as server:
        return {name: [seconds(server, path) for _ in range(rounds)] for name, path in WAYS.items()}


def seconds(server: Server, path: str) -> float:
    asked = {"url": f"{server.url}/sleep?ms={SLEEP_MS}", "request_num": CALLS}
    url = f"{server.url}{path}?{urllib.parse.urlencode(asked)}"
    begun = time.monotonic()
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS_MAX) as answer:
        page = answer.read().decode()
    took = time.monotonic() - begun
    if not re.search(rf"\b{CALLS} succeeded, 0 failed", page):
        raise RuntimeError(f"not all succeeded:\n{page}")
    return took


def show(seen: dict[str, list[float]]) -> None:
    rows = [("way", "seconds", "least", "most")]
    for name, each in seen.items():
        rows.append((name, f"{median(each):.3f}", f"{min(each):.3f}", f"{max(each):.3f}"))
    table(rows)
