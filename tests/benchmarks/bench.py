"""What every scenario works on: a database with people in it, a server over it, a key and a program."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from programs.api_keys import issue
from programs.kernel.actors import Actor, ActorKind
from programs.models import Scope
from tests.benchmarks import backlogs, databases, importing, purchases, server
from tests.benchmarks.client import Address
from tests.benchmarks.measure import Pace
from tests.benchmarks.people import Body, Mix, bodies
from tests.benchmarks.server import THREADS, WORKERS

CONNECTIONS = WORKERS * THREADS  # as many calls at once as the server takes


@dataclass(frozen=True, slots=True)
class Bench:
    database: str  # holds `known` people
    address: Address
    empty: str  # a second database, with the program, its rules and the key alone
    key: str
    program_id: UUID
    dear_id: UUID  # a program whose events take long
    known: int
    many: int  # how many people a database is to hold that has many
    past: int  # and how many events
    pace: Pace
    _series: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def people(self, mix: Mix, *, known: int | None = None) -> Iterator[Body]:
        """Upserts that nobody has sent before."""
        return bodies(mix, self.program_id, known=known or self.known, series=next(self._series))

    def events(self, *, known: int | None = None) -> Iterator[Body]:
        """Events of known people that nobody has sent before."""
        return purchases.events(
            self.program_id, known=known or self.known, series=next(self._series)
        )

    @contextmanager
    def another(self, name: str, *, people: int) -> Iterator[str]:
        """A database of its own, with so many people, of whom each has what an event changes."""
        with databases.copied(self.empty, to=f"{self.database}_{name}") as database:
            importing.fill(database, people, self.program_id)
            with databases.connect(database) as session:
                backlogs.give(database, session, self.program_id)
            databases.settle(database)
            yield database


@contextmanager
def set_up(*, known: int, many: int, past: int, pace: Pace) -> Iterator[Bench]:
    with databases.made() as database:
        program_id, dear_id = purchases.club().pk, purchases.dear_club().pk
        actor = Actor(ActorKind.COMMAND, "benchmarks")
        _, key = issue(name="benchmarks", scopes=Scope.values, by=actor)
        with databases.copied(database, to=f"{database}_empty") as empty:
            importing.fill(database, known, program_id)
            databases.settle(database)
            with server.running(database) as address:
                yield Bench(
                    database, address, empty, key, program_id, dear_id, known, many, past, pace
                )
