import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import DataError, OperationalError, connection, connections, transaction

from programs.kernel.database import UUID7_SQL, Statement, retried, run
from programs.models import Program


class TwoLocks:
    """Two threads that each hold one program before they ask for the other: a sure deadlock, the first time."""

    def __init__(self) -> None:
        self.names = [Program.objects.create(name=name).name for name in "ab"]
        self.both_hold_one = threading.Barrier(2)
        self.attempts = 0

    def take(self, names: list[str]) -> None:
        self.attempts += 1
        first_time = self.attempts <= 2
        with transaction.atomic():
            Program.objects.select_for_update().get(name=names[0])
            if first_time:
                self.both_hold_one.wait()
            Program.objects.select_for_update().get(name=names[1])

    def in_opposite_order(self, inside_a_transaction: bool) -> list[type[Exception] | None]:
        def run(names: list[str]) -> type[Exception] | None:
            try:
                if inside_a_transaction:
                    with transaction.atomic():
                        retried(self.take)(names)
                else:
                    retried(self.take)(names)
            except OperationalError as error:
                return type(error)
            finally:
                connections.close_all()
            return None

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(run, [self.names, self.names[::-1]]))


@pytest.mark.django_db(transaction=True)
def test_the_victim_of_a_deadlock_tries_again() -> None:
    locks = TwoLocks()

    errors = locks.in_opposite_order(inside_a_transaction=False)

    assert errors == [None, None]
    assert locks.attempts == 3


@pytest.mark.django_db(transaction=True)
def test_inside_somebodys_transaction_nothing_is_tried_again() -> None:
    locks = TwoLocks()

    errors = locks.in_opposite_order(inside_a_transaction=True)

    assert sorted(errors, key=str) == [OperationalError, None]
    assert locks.attempts == 2


@pytest.mark.django_db
def test_the_database_makes_uuids_of_version_7_that_sort_by_microseconds() -> None:
    moments = [datetime(2026, 1, 2, 3, 4, 5, micros, tzinfo=UTC) for micros in range(0, 5000, 7)]

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {UUID7_SQL.format(moment='moment')} FROM unnest(%s) AS given (moment)",
            [moments],
        )
        made: list[UUID] = [row[0] for row in cursor.fetchall()]

    assert made == sorted(made)
    assert {(uuid.version, uuid.variant) for uuid in made} == {(7, "specified in RFC 4122")}
    assert made[0].int >> 80 == int(moments[0].timestamp() * 1000)


@pytest.mark.django_db
def test_a_prepared_statement_is_planned_once_and_counted_each_time(queries: list[str]) -> None:
    for number in (1, 2):
        run(Statement("SELECT 10 / $1::int"), [number], at=())

    assert queries == ["SELECT 10 / $1::int"] * 2
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement = %s", queries[:1]
        )
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
def test_a_prepared_statement_outgrows_the_plan_that_was_made_for_an_empty_table() -> None:
    statement = "SELECT id FROM growing WHERE id = $1::int"

    def use(times: int) -> str:
        for number in range(times):
            run(Statement(statement), [number], at=())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name FROM pg_prepared_statements WHERE statement = %s", [statement]
            )
            [name] = cursor.fetchone()
            cursor.execute(f"EXPLAIN EXECUTE {name} (1)")
            return "".join(line for (line,) in cursor.fetchall())

    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE growing (id int PRIMARY KEY) ON COMMIT DROP")
        cursor.execute("ANALYZE growing")
        assert "Seq Scan" in use(times=7)
        cursor.execute("INSERT INTO growing SELECT generate_series(1, 10000)")

    assert "Index" in use(times=1)


@pytest.mark.django_db
def test_a_statement_over_many_rows_keeps_no_plan(queries: list[str]) -> None:
    for number in (1, 2):
        run(Statement("SELECT 20 / $1::int", keeps_plan=False), [number], at=())

    assert queries == ["SELECT 20 / $1::int"] * 2
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement = %s", queries[:1]
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_errors_of_a_prepared_statement_are_djangos() -> None:
    with pytest.raises(DataError), transaction.atomic():
        run(Statement("SELECT 10 / $1::int"), [0], at=())
