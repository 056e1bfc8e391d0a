"""What every scenario works on: a database with people in it, a server over it, a key and a program."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from programs.actors import Actor, ActorKind
from programs.api_keys import issue
from programs.models import Program, Scope
from tests.benchmarks import databases, importing, server
from tests.benchmarks.client import Address
from tests.benchmarks.measure import Pace
from tests.benchmarks.people import Body, Mix, bodies
from tests.benchmarks.server import THREADS, WORKERS

CONNECTIONS = WORKERS * THREADS  # as many calls at once as the server takes


@dataclass(frozen=True, slots=True)
class Bench:
    database: str  # holds `known` people
    address: Address
    empty: str  # a second database, with the program and the key alone
    key: str
    program_id: UUID
    known: int
    many: int  # how many people a database is to hold that has many
    pace: Pace
    _series: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def people(self, mix: Mix, *, known: int | None = None) -> Iterator[Body]:
        """Upserts that nobody has sent before."""
        return bodies(mix, self.program_id, known=known or self.known, series=next(self._series))


@contextmanager
def set_up(*, known: int, many: int, pace: Pace) -> Iterator[Bench]:
    with databases.made() as database:
        program_id = Program.objects.create(name="Benchmark").pk
        actor = Actor(ActorKind.COMMAND, "benchmarks")
        _, key = issue(name="benchmarks", scopes=Scope.values, by=actor)
        with databases.copied(database, to=f"{database}_many") as empty:
            importing.fill(database, known, program_id)
            databases.settle(database)
            with server.running(database) as address:
                yield Bench(database, address, empty, key, program_id, known, many, pace)
