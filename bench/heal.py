"""PostgreSQL is killed under load and started again: what clients are answered, and from when on well.

Some clients read, others add products of names that nobody else has. What was acknowledged is looked
for in the table afterwards. It must not judge: `data.py` does.
"""

import collections
import http.client
import json
import threading
import time
from dataclasses import dataclass

from brands import ours
from postgres import Postgres
from report import table
from server import OURS, Server

# Clients of each kind, each on a connection of its own.
CLIENTS = 8
# How long all goes well before the kill, and again after the database is back.
WELL_SECONDS = 2.0
# Between the kill and the next start.
OUTAGE_SECONDS = 3.0
# A client whose answer takes longer hangs. A statement may take 10 s.
HANG_SECONDS = 15.0
# Between two requests of a client: a refusal comes at once, and shall not be asked for thousands of
# times.
PAUSE_SECONDS = 0.005


@dataclass(frozen=True)
class Answer:
    """What one request came to."""

    kind: str
    begun: float
    ended: float
    # Of HTTP, or what happened instead.
    status: int | str
    # The name of the product that was to be added.
    name: str = ""


@dataclass(frozen=True)
class Outage:
    """One kill and what followed."""

    answers: list[Answer]
    killed: float
    # When the database accepted connections again.
    back: float
    acknowledged: int
    lost: int

    def statuses(self) -> collections.Counter:
        """Of what was asked while there was no database."""
        during = [each for each in self.answers if self.killed <= each.begun < self.back]
        return collections.Counter(each.status for each in during)

    def strange(self) -> int:
        """Answers, at any time, that were neither the thing itself nor a plain refusal."""
        return sum(each.status not in (200, 201, 503) for each in self.answers)

    def longest(self) -> float:
        return max(each.ended - each.begun for each in self.answers)

    def healed(self) -> float:
        """Seconds from when the database was back to the first good answer of a later request."""
        good = [each.ended for each in self.answers if each.begun > self.killed and each.status == 200]
        return min((end for end in good if end >= self.back), default=float("inf")) - self.back

    def last_refusal(self) -> float:
        """Seconds from when the database was back to the last refusal."""
        refused = [each.ended for each in self.answers if each.status not in (200, 201)]
        return max(0.0, max(refused, default=0) - self.back)


class Client(threading.Thread):
    """Asks for one kind of thing, one after another, until told to stop."""

    def __init__(self, server: Server, number: int, kind: str, over: threading.Event):
        super().__init__()
        self.server, self.number, self.kind, self.over = server, number, kind, over
        self.answers: list[Answer] = []

    def run(self) -> None:
        link = http.client.HTTPConnection(*self.server.address, timeout=HANG_SECONDS)
        while not self.over.wait(PAUSE_SECONDS):
            begun = time.monotonic()
            name = f"Lamp {self.number}.{len(self.answers)}" if self.kind == "POST" else ""
            try:
                status: int | str = self.ask(link, name)
            except TimeoutError:
                status = "hangs"
                link.close()
            except OSError as error:
                status = type(error).__name__
                link.close()
            self.answers.append(Answer(self.kind, begun, time.monotonic(), status, name))
        link.close()

    def ask(self, link: http.client.HTTPConnection, name: str) -> int:
        if self.kind == "GET":
            link.request("GET", "/brands")
        else:
            product = json.dumps({"product_name": name, "brand_id": 1})
            link.request("POST", "/product", product, {"Content-Type": "application/json"})
        answer = link.getresponse()
        answer.read()
        return answer.status


def measure(rounds: int) -> list[Outage]:
    with Postgres() as database, Server(ours(OURS.name, database.url)) as server:
        return [outage(server, database, number) for number in range(rounds)]


def outage(server: Server, database: Postgres, number: int) -> Outage:
    over = threading.Event()
    kinds = ["GET", "POST"] * CLIENTS
    # No name is used twice, in other rounds neither.
    first = number * len(kinds)
    clients = [Client(server, first + i, kind, over) for i, kind in enumerate(kinds)]
    for client in clients:
        client.start()
    try:
        time.sleep(WELL_SECONDS)
        killed = time.monotonic()
        database.kill()
        time.sleep(OUTAGE_SECONDS)
        database.start()
        back = time.monotonic()
        time.sleep(WELL_SECONDS)
    finally:
        over.set()
        for client in clients:
            client.join()
    answers = [answer for client in clients for answer in client.answers]
    acknowledged = {answer.name for answer in answers if answer.status == 201}
    kept = set(database.sql("SELECT name FROM products WHERE name LIKE 'Lamp %'"))
    return Outage(answers, killed, back, len(acknowledged), len(acknowledged - kept))


def show(outages: list[Outage]) -> None:
    header = ("outage", "answers without it", "longest s", "healed after s", "last 503 after s",
              "acknowledged", "lost")
    rows = [header]
    for number, each in enumerate(outages, 1):
        statuses = each.statuses()
        rows.append(
            (
                f"{number}",
                ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items(), key=str)),
                f"{each.longest():.2f}",
                f"{each.healed():.3f}",
                f"{each.last_refusal():.3f}",
                f"{each.acknowledged:,}",
                f"{each.lost}",
            )
        )
    table(rows)
