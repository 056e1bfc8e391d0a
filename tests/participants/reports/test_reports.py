"""Figures are what a sum over journal, events and enrollments gives, at any moment and whatever happens."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from participants.events import process
from participants.events.ingest import ingest_each
from participants.events.request import NewEvent
from participants.events.retry import retry, retry_each
from participants.models import (
    Event,
    Figure,
    FigureDelta,
    JournalEntry,
    Measure,
    ProgramReport,
    TierStanding,
)
from participants.reports import figures
from participants.reports.figures import Period
from participants.reports.fold import fold
from participants.reports.rebuild import rebuild, rebuild_changed
from participants.reports.refresh import refresh_due
from programs import programs, rulebook
from programs.models import Program, Rule, TierLevel, TierTrack
from tests.conftest import TESTER
from tests.participants.events.workers import (
    a_trigger,
    add_rule,
    credit,
    happen,
    let_time_pass,
    work_off,
)
from tests.participants.ledger.test_kills import killed
from tests.participants.ledger_world import World, make_world
from tests.participants.reports.sums import at_all_times, counted, summed
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = datetime(2019, 12, 31, 23, 50, tzinfo=UTC)


def a_busy_world() -> World:
    """Events of several days that match, fail and have rule errors, and movements that no event caused."""
    world = make_world("ana", "bo")
    add_rule(world, credit(world, "event.amount"), name="Points", condition="event.amount > 0")
    add_rule(world, credit(world, "1 / event.by"), name="Broken", condition="has(event.by)")
    debit = {"type": "DEBIT", "asset_id": str(world.asset.pk), "amount": "event.spend"}
    add_rule(world, debit, name="Spend", condition="has(event.spend)")
    data: list[dict[str, Any]] = [
        {"amount": 10},
        {"amount": 5, "by": 0},
        {"amount": 7, "by": 4},
        {"amount": 3, "spend": 2},
        {"amount": 1, "spend": 1_000_000},
    ]
    events = [
        NewEvent(world.program.pk, of, f"{of}{n}", LONG_AGO + timedelta(hours=9 * n), each)
        for n, each in enumerate(data)
        for of in ("ana", "bo")
    ]
    ingest_each(events, by=TESTER)
    work_off()
    world.credit("25.50")
    world.debit("0.50")
    return world


def fold_all() -> int:
    return sum(fold(by=TESTER))


def test_figures_are_what_the_rows_sum_to_before_and_after_folding() -> None:
    world = a_busy_world()
    expected = summed(world.program)
    assert {key[3] for key in expected} == set(Measure.values) - {"FORFEITED"}
    assert counted(world.program) == expected

    assert fold_all() > 0

    assert not FigureDelta.objects.exists()
    assert counted(world.program) == expected
    whole: defaultdict[Any, Decimal] = defaultdict(Decimal)
    for (rule_id, asset_id, _, measure), value in expected.items():
        if rule_id is None:
            whole[asset_id, measure] += value
    assert at_all_times(world.program) == whole


def test_figures_read_what_is_folded_and_what_is_not() -> None:
    world = a_busy_world()
    fold_all()
    world.credit("1")
    period = Period.until(timezone.now(), world.program, 7)

    today = figures.of_programs({world.program.pk: period})[world.program.pk]

    assert today.total(Measure.ISSUED, world.asset.pk) == Decimal("26.50")
    assert today.by_day(period, Measure.ISSUED, world.asset.pk)[-1] == Decimal("26.50")
    assert today.total(Measure.ENROLLED) == 2
    assert today.total(Measure.EVENTS) == 0
    # Twice 10 + 5 + 7 + 1/4 + 3 - 2 by events; the failed ones are taken back.
    held = 2 * Decimal("23.25") + Decimal("26.50") - Decimal("0.50")
    assert figures.outstanding([world.asset.pk]) == {world.asset.pk: held}


def test_figures_of_rules_are_those_of_the_period() -> None:
    world = a_busy_world()
    rules = {rule.name: rule.pk for rule in Rule.objects.all()}
    for _ in range(2):
        year = Period(LONG_AGO.date(), LONG_AGO.date() + timedelta(days=1), ZoneInfo("UTC"))
        found = figures.of_rules(world.program.pk, rules.values(), year)
        points, broken = found[rules["Points"]], found[rules["Broken"]]
        # Of 31 December 23:50, and of 1 January 8:50 and 17:50.
        assert points.total(Measure.MATCHES) == 6
        assert points.by_day(year, Measure.ISSUED, world.asset.pk) == [20, 24]
        assert broken.total(Measure.RULE_FAILURES) == 2
        assert broken.total(Measure.ISSUED, world.asset.pk) == Decimal("0.5")
        fold_all()


def test_a_retried_event_counts_once() -> None:
    world = a_busy_world()
    broken = Rule.objects.get(name="Broken")
    rulebook.change(broken.pk, {"condition": "has(event.by) && event.by > 0"}, by=TESTER)
    failed = Event.objects.filter(status="FAILED").first()
    assert failed
    fold_all()

    retry(failed.pk, by=TESTER)
    assert counted(world.program) == summed(world.program)
    assert (
        sum(
            len(each.ids)
            for each in retry_each(Event.objects.all(), before=timezone.now(), by=TESTER)
        )
        == 3
    )
    assert counted(world.program) == summed(world.program)
    work_off()

    assert counted(world.program) == summed(world.program)
    fold_all()
    assert counted(world.program) == summed(world.program)
    period = Period(LONG_AGO.date(), LONG_AGO.date() + timedelta(days=9), ZoneInfo("UTC"))
    found = figures.of_programs({world.program.pk: period})[world.program.pk]
    assert found.total(Measure.RULE_ERRORS) == 0


def test_an_event_that_is_given_up_counts_as_failed() -> None:
    world = make_world()
    add_rule(world, credit(world, "1"))
    happen(world)

    with a_trigger("participants_journalentry", "true", "RAISE EXCEPTION 'tripped'"):
        for _ in range(6):
            work_off()
            let_time_pass()

    assert Event.objects.get().status == "FAILED"
    assert counted(world.program) == summed(world.program)
    assert FigureDelta.objects.filter(measure=Measure.FAILED_EVENTS).count() == 1


def test_a_fold_that_is_killed_half_way_has_done_nothing() -> None:
    world = a_busy_world()

    with (
        connection.execute_wrapper(killed("INSERT INTO participants_figure ")),
        pytest.raises(OperationalError),
    ):
        fold_all()
    connection.close()

    assert counted(world.program) == summed(world.program)
    assert not Figure.objects.exists()
    fold_all()
    assert counted(world.program) == summed(world.program)


def test_folds_and_writers_at_once_lose_nothing_and_count_nothing_twice() -> None:
    world = make_world("ana", "bo")
    add_rule(world, credit(world, "1"))

    def write(of: str) -> int:
        for n in range(15):
            happen(world, of, f"{of}{n}")
            sum(process.drain())
            world.credit("2", of=of)
        return 0

    def fold_often() -> int:
        return sum(fold_all() for _ in range(30))

    def rebuild_often() -> int:
        return sum(sum(rebuild(world.program.pk)) for _ in range(5))

    at_once([lambda: write("ana"), lambda: write("bo"), fold_often, fold_often, rebuild_often])
    work_off()

    assert counted(world.program) == summed(world.program)
    fold_all()
    assert counted(world.program) == summed(world.program)
    assert JournalEntry.objects.count() == 60


def test_a_program_whose_zone_changed_is_rebuilt() -> None:
    world = a_busy_world()
    sum(rebuild_changed())
    assert sum(rebuild_changed()) == 0

    programs.change(world.program.pk, {"time_zone": "Pacific/Auckland"}, by=TESTER)
    world.program.refresh_from_db()
    world.credit("1")
    sum(rebuild_changed())

    assert ProgramReport.objects.get().time_zone == "Pacific/Auckland"
    assert counted(world.program) == summed(world.program)
    assert sum(rebuild_changed()) == 0


def test_a_zone_that_this_machine_does_not_know_stops_no_figures() -> None:
    world = a_busy_world()
    Program.objects.update(time_zone="Mars/Olympus")

    sum(rebuild_changed())

    world.program.refresh_from_db()
    assert figures.of_programs({world.program.pk: Period.until(timezone.now(), world.program, 7)})
    assert not FigureDelta.objects.exists()


def test_one_command_rebuilds_all(capsys: pytest.CaptureFixture[str]) -> None:
    world = a_busy_world()
    fold_all()
    Figure.objects.update(value=7)
    FigureDelta.objects.all().delete()
    Program.objects.create(name="Another")

    call_command("rebuild_reports")

    assert capsys.readouterr().out == "rebuilt 2\n"
    assert counted(world.program) == summed(world.program)


def test_days_at_either_end_of_time_are_days() -> None:
    world = make_world()
    program = world.program
    programs.change(program.pk, {"time_zone": "Pacific/Auckland"}, by=TESTER)
    moments = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]
    ingest_each(
        [NewEvent(program.pk, "ana", str(n), each, {}) for n, each in enumerate(moments)], by=TESTER
    )
    work_off()
    sum(rebuild_changed())

    fold_all()

    assert Figure.objects.filter(measure=Measure.EVENTS, day__isnull=False).count() == 2


def test_who_is_active_and_who_stands_where_is_counted_now_and_then() -> None:
    world = make_world("ana", "bo", "cy")
    now = timezone.now()
    for n, (of, days) in enumerate([("ana", 1), ("ana", 2), ("bo", 20), ("cy", 80), ("cy", -2)]):
        at = now - timedelta(days=days)
        ingest_each([NewEvent(world.program.pk, of, str(n), at, {})], by=TESTER)
    work_off()
    track = TierTrack.objects.create(program=world.program, key="club")
    for rank, key in enumerate(["silver", "gold"], 1):
        TierLevel.objects.create(track=track, key=key, rank=rank)
    people = list(
        Event.objects.values_list("participant", flat=True).distinct().order_by("participant")
    )
    TierStanding.objects.create(
        participant_id=people[0], track=track, level="gold", acquired_at=now
    )
    # A loan that has ended.
    yesterday = now - timedelta(days=1)
    TierStanding.objects.create(
        participant_id=people[1],
        track=track,
        level="gold",
        earned_level="silver",
        acquired_at=yesterday - timedelta(days=1),
        expires_at=yesterday,
    )

    assert list(refresh_due()) == [1]
    assert list(refresh_due()) == []  # a moment ago

    report = ProgramReport.objects.get()
    assert report.active == {"7": 1, "30": 2, "90": 3}
    assert report.enrolled == 3
    assert report.levels == {str(track.pk): {"gold": 1, "silver": 1}}
    assert report.refreshed_at


def plans(statement: Any, parameters: list[Any]) -> str:
    with connection.cursor() as cursor:
        text = statement.sql
        for n in range(len(parameters), 0, -1):
            text = text.replace(f"${n}", f"%({n})s")
        cursor.execute(f"EXPLAIN {text}", {str(n): each for n, each in enumerate(parameters, 1)})
        return "\n".join(line for (line,) in cursor.fetchall())


def test_figures_are_read_by_indexes_however_many_there_are() -> None:
    world = make_world()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO participants_figure (program_id, rule_id, day, measure, asset_id, value)
            SELECT md5((n %% 50)::text)::uuid, CASE WHEN n %% 3 > 0 THEN md5((n %% 7)::text)::uuid END,
                date '2020-01-01' + n / 150, 'ISSUED', %s, 1
            FROM generate_series(1, 100000) AS n ON CONFLICT DO NOTHING
            """,
            [world.asset.pk],
        )
        cursor.execute(
            """
            INSERT INTO participants_figuredelta (program_id, rule_id, slot, measure, asset_id, value)
            SELECT md5((n %% 50)::text)::uuid, md5((n %% 7)::text)::uuid,
                timestamptz '2020-01-01' + n * interval '1 hour', 'ISSUED', md5((n %% 40)::text)::uuid, %s
            FROM generate_series(1, 50000) AS n
            """,
            [1],
        )
        cursor.execute("ANALYZE participants_figure, participants_figuredelta")
    day = LONG_AGO.date()
    begin, end = LONG_AGO, LONG_AGO + timedelta(days=1)
    program_id, rule_ids = world.program.pk, [UUID(int=n) for n in range(20)]

    of_programs = plans(figures._OF_PROGRAMS, [[program_id], [day], [day], [begin], [end]])
    of_rules = plans(figures._OF_RULES, [program_id, rule_ids, day, day, begin, end])
    outstanding = plans(figures._OUTSTANDING, [[world.program.pk]])

    for plan in (of_programs, of_rules, outstanding):
        assert "Seq Scan on participants_figure" not in plan, plan
    for plan in (of_programs, of_rules):
        assert "figure_is_unique" in plan
        assert "figure_delta_by_program" in plan
    assert "figure_of_asset_at_all_times" in outstanding
    assert "figure_delta_by_asset" in outstanding
