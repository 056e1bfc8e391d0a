"""Applications that repeat each call until it is acknowledged, and keep what they were promised."""

import email.utils
import http.client
import json
import random
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import Any

from tests.processes import Laurel

PEOPLE = 40
PAUSE = 0.15  # seconds between two calls of a client, at most


@dataclass
class Promises:
    """What has been acknowledged: of events and credits by their keys, of upserts by person in order."""

    events: dict[str, str] = field(default_factory=dict)
    credits: dict[str, Decimal] = field(default_factory=dict)
    earned: Decimal = Decimal(0)
    upserts: dict[str, list[int]] = field(default_factory=dict)
    edits: list[str] = field(default_factory=list)


@dataclass
class Heard:
    """What else the clients have met."""

    calls: int = 0
    dropped: int = 0
    refused: dict[tuple[int, str | None], int] = field(default_factory=dict)
    # Seconds, and which call it was: while processes are killed, and afterwards.
    longest: list[tuple[float, str]] = field(default_factory=lambda: [(0, ""), (0, "")])
    # How far the server's clock was from ours, in seconds.
    skews: list[float] = field(default_factory=list)


class Client(Thread):
    processes_last = Event()

    def __init__(self, laurel: Laurel, seed: int, number: int, ids: tuple[str, str, str]) -> None:
        super().__init__(name=f"client {number}")
        self.laurel, self.number = laurel, number
        self.chance = random.Random(f"{seed}-{number}")
        self.program, self.asset, self.rule = ids
        self.done, self.promises, self.heard = Event(), Promises(), Heard()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            count = 0
            while not self.done.is_set():
                self.act(count)
                count += 1
                time.sleep(PAUSE * self.chance.random())
        except BaseException as error:
            self.failure = error

    def act(self, count: int) -> None:
        what = self.chance.choices([self.send, self.credit, self.upsert], [6, 2, 2])[0]
        what(f"{self.number}-{count}", f"p{self.chance.randrange(PEOPLE)}")

    def send(self, key: str, who: str) -> None:
        amount = self.amount()
        happened = datetime.now(UTC) - timedelta(seconds=self.chance.randrange(60))
        body = {
            "program_id": self.program,
            "external_id": who,
            "idempotency_key": key,
            "event_timestamp": happened.isoformat(timespec="seconds"),
            "event_data": {"amount": float(amount)},
        }
        headers = {"Prefer": "wait=1"} if self.chance.random() < 0.1 else {}
        answer = self.acknowledged("POST", "/v1/events", body, **headers)
        self.promises.events[key] = answer["id"]
        self.promises.earned += amount

    def credit(self, key: str, who: str) -> None:
        amount = self.amount()
        body = {
            "program_id": self.program,
            "asset_id": self.asset,
            "type": "CREDIT",
            "amount": str(amount),
            "description": "Sorry for the delay.",
        }
        path = f"/v1/participants/external:{who}/balances/adjust"
        self.acknowledged("POST", path, body, **{"Idempotency-Key": key})
        self.promises.credits[key] = amount

    def upsert(self, key: str, who: str) -> None:
        """Set an attribute that only this client sets, to numbers that go up."""
        if self.chance.random() < 0.2:
            who = f"new-{key}"
        numbers = self.promises.upserts.setdefault(who, [])
        number = len(numbers) + 1
        body = {"external_id": who, "attributes": {f"c{self.number}": number}}
        self.acknowledged("POST", "/v1/participants", body)
        numbers.append(number)

    def amount(self) -> Decimal:
        return Decimal(self.chance.randint(1, 500)) / 100

    def acknowledged(self, method: str, path: str, body: Any, **headers: str) -> Any:
        if self.chance.random() < 0.05:
            self.hang_up(method, path, body, headers)
        while True:
            status, answer = self.answer(method, path, body, **headers)
            if status in (200, 201, 202):
                return answer
            assert status in (0, 503), (status, answer)
            time.sleep(0.05)

    def answer(self, method: str, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """Status and body; 0 where there was no answer."""
        heard = self.heard
        began, status, half = time.monotonic(), 0, int(self.processes_last.is_set())
        try:
            status, told, answer = self.laurel.call(method, path, body, **headers)
        except (OSError, http.client.HTTPException, ValueError):
            heard.dropped += 1
            return 0, None
        finally:
            call = (time.monotonic() - began, f"{method} {path} {headers}: {status}")
            heard.longest[half] = max(heard.longest[half], call)
            heard.calls += 1
        sent = email.utils.parsedate_to_datetime(told["Date"]).timestamp()
        heard.skews.append(sent - time.time())
        if status >= 400:
            refusal = (status, told.get("Retry-After"))
            heard.refused[refusal] = heard.refused.get(refusal, 0) + 1
        return status, answer

    def hang_up(self, method: str, path: str, body: Any, headers: dict[str, str]) -> None:
        """Send the call, or a part of it, and go away before the answer."""
        content = json.dumps(body)
        lines = {"Host": "localhost", "X-API-Key": self.laurel.key, **headers}
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        head = f"{method} {path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        whole = f"{head}\r\n{content}".encode()
        length = len(whole) if self.chance.random() < 0.5 else self.chance.randrange(len(whole))
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.laurel.port), 5) as connection,
        ):
            connection.sendall(whole[:length])


class Editor(Client):
    """Somebody who keeps editing the rule that pays; what it pays stays the same."""

    def act(self, count: int) -> None:
        amount = ("event.amount", "event.amount + 0", "event.amount * 1")[count % 3]
        actions = [
            {"type": "CREDIT", "asset_id": self.asset, "amount": amount},
            {"type": "COUNTER", "key": "n", "value": "1"},
        ]
        name, path = f"R{count}", f"/v1/rules/{self.rule}"
        version = self.version()
        while True:
            body = {"name": name, "actions": actions, "version": version}
            status, answer = self.answer("PATCH", path, body)
            if status == 409:  # it was done, and its answer was lost
                assert self.heard.refused.pop((409, None))
            if status in (200, 409):
                self.promises.edits.append(name)
                return
            assert status in (0, 503), (status, answer)
            time.sleep(0.05)

    def version(self) -> int:
        return int(self.acknowledged("GET", f"/v1/rules/{self.rule}", None)["version"])
