"""The journal in the admin, and exported as a file."""

import csv
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from participants.events import ingest, process
from participants.events.request import NewEvent
from participants.models import ActionType, JournalEntry
from programs import rulebook
from programs.kernel.actors import Actor, ActorKind
from programs.kernel.spreadsheets import plain
from tests.conftest import TESTER
from tests.participants.admin.event_pages import make_rule, plans_of, processed
from tests.participants.admin.ledger_pages import ana, page_of
from tests.participants.ledger_world import World, make_world
from tests.staff import staff_client

JOURNAL = "/admin/participants/journalentry/"


def test_the_journal_lists_movements_in_words(admin_client: Client, world: World) -> None:
    world.credit("10.5", description="Welcome")

    text = admin_client.get(JOURNAL).content.decode()

    cells = re.findall(r'<t[dh] class="field-(\w+)[^>]*>(.*?)</t[dh]>', text)
    shown = {name: re.sub("<[^>]+>", "", cell) for name, cell in cells}
    assert {name: text for name, text in shown.items() if name != "when"} == {
        "whose": "ana",
        "what": "Credit",
        "signed_amount": "+10.50 PTS",
        "program": "Club",
        "description": "Welcome",
        "created_by": "command:tests",
    }
    assert f'<a href="{page_of(ana())}">ana</a>' in text


def test_an_entry_shows_everything_and_can_be_neither_added_changed_nor_deleted(
    admin_client: Client, world: World
) -> None:
    world.credit("10", idempotency_key="k-1")
    entry = JournalEntry.objects.get()
    page = f"{JOURNAL}{entry.pk}"

    text = admin_client.get(f"{page}/change/").content.decode()

    assert bytes(entry.entry_hash).hex() in text
    assert "<div>Issuance -10.00</div><div>Available +10.00</div>" in text
    assert "k-1" in text
    assert "&quot;description&quot;:&quot;A test.&quot;" in text
    assert 'type="submit" value="Save' not in text
    assert admin_client.get(f"{JOURNAL}add/").status_code == 403
    assert admin_client.post(f"{page}/change/", {"description": "x"}).status_code == 403
    assert admin_client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    deletion = {"action": "delete_selected", "_selected_action": [str(entry.pk)], "post": "yes"}
    admin_client.post(JOURNAL, deletion)
    assert JournalEntry.objects.get().description == "A test."


def test_the_journal_needs_the_permission_to_see_it(world: World) -> None:
    world.credit("1")
    client = staff_client("view_participant", "adjust_balance")

    for page in ("", "export/", f"{JournalEntry.objects.get().pk}/change/"):
        assert client.get(JOURNAL + page).status_code == 403


@pytest.fixture
def journal(db: None) -> World:
    """Some movements of ana and eva."""
    world = make_world("ana", "eva")
    world.credit("10", description="first", idempotency_key="k-1")
    world.debit("1", description="second")
    world.move(ActionType.HOLD, "2", description="third")
    world.credit("5", of="eva", description="fourth")
    return world


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["fourth", "third", "second", "first"]),
        ("action=CREDIT", ["fourth", "first"]),
        ("action=HOLD&participant__id__exact={ana}", ["third"]),
        ("from={today}&to={today}", ["fourth", "third", "second", "first"]),
        ("to={yesterday}", []),
        ("from=&to=", ["fourth", "third", "second", "first"]),
        ("asset={asset}&program={program}", ["fourth", "third", "second", "first"]),
        ("asset={nothing}", []),
        ("program={nothing}", []),
        ("q=eva", ["fourth"]),
        ("q=ana", ["third", "second", "first"]),
        ("q=an", []),
        ("q={entry}", ["first"]),
        ("q={event}", ["second"]),
        ("q={nothing}", []),
        ("q=k-1", []),
        ("q=k-1&participant__id__exact={ana}", ["first"]),
        ("participant__id__exact={ana}&p=1", ["third", "second", "first"]),
    ],
)
def test_entries_are_found_by_filters_and_search_and_exported_alike(
    admin_client: Client, journal: World, query: str, found: list[str]
) -> None:
    event = UUID(int=7)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE participants_journalentry SET event_id = %s WHERE description = 'second'",
            [event],
        )
    asked = query.format(
        today=timezone.now().date(),
        yesterday=timezone.now().date() - timedelta(days=1),
        ana=ana().pk,
        asset=journal.asset.pk,
        program=journal.program.pk,
        nothing=UUID(int=9),
        entry=JournalEntry.objects.get(description="first").pk,
        event=event,
    )

    listed = admin_client.get(f"{JOURNAL}?{asked}")
    rows = exported(admin_client, f"?{asked}")

    assert [entry.description for entry in listed.context["cl"].result_list] == found
    assert [row["description"] for row in rows] == found


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    response: Any = client.get(f"{JOURNAL}export/{query}")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.streaming
    return list(csv.DictReader(StringIO(response.getvalue().decode(), newline="")))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("rule={rule}", ["R", "R"]),
        ("rule={nothing}", []),
        ("created_by=staff:ada", ["by ada"]),
        ("created_by=%20staff:ada%20", ["by ada"]),
        ("created_by=staff:ad", []),
        ("created_by=command:tests", ["by tests"]),
        ("created_by=rule:R%20v1", ["R", "R"]),
        ("created_by=rule:R%20v2", []),
        ("created_by=rule:R", []),
        ("action=DEBIT", ["by ada"]),
        ("action=DEBIT&created_by=staff:ada", ["by ada"]),
        ("action=CREDIT&rule={rule}&asset={asset}", ["R", "R"]),
    ],
)
def test_the_journal_tells_what_a_rule_and_a_person_did(
    admin_client: Client, world: World, query: str, found: list[str]
) -> None:
    world.credit("5", description="by tests")
    action = {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "2"}
    rule = make_rule(world.program, "R", action)
    make_rule(world.program, "Other", action)
    processed(world.program, "k-1")
    processed(world.program, "k-2")
    world.debit("1", description="by ada", by=Actor(ActorKind.STAFF, "ada"))
    asked = query.format(rule=rule.pk, nothing=UUID(int=9), asset=world.asset.pk)

    listed = admin_client.get(f"{JOURNAL}?{asked}").context["cl"].result_list

    assert [entry.description for entry in listed] == found
    assert [row["description"] for row in exported(admin_client, f"?{asked}")] == found


def test_two_filters_at_once_say_of_which_days_the_list_and_the_file_are(
    admin_client: Client, journal: World
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE participants_journalentry SET created_at = now() - interval '60 days' WHERE description = 'first'"
        )
    one, both = "action=CREDIT", f"action=CREDIT&asset={journal.asset.pk}"
    since = timezone.now().date() - timedelta(days=90)

    def shown(query: str) -> list[str]:
        rows = admin_client.get(f"{JOURNAL}?{query}").context["cl"].result_list
        assert [row["description"] for row in exported(admin_client, f"?{query}")] == [
            entry.description for entry in rows
        ]
        return [entry.description for entry in rows]

    assert shown(one) == ["fourth", "first"]
    assert shown(both) == ["fourth"]
    text = admin_client.get(f"{JOURNAL}?{both}").content.decode()
    assert "only the last 30 days are searched and exported" in text
    assert "Export these 30 days as CSV" in text
    assert f"{both.replace('&', '&amp;')}&amp;from={since}" in text
    assert shown(f"{both}&from={since}") == ["fourth", "first"]
    assert shown(f"{both}&participant__id__exact={ana().pk}") == ["first"]
    assert "the last 30 days" not in admin_client.get(f"{JOURNAL}?{one}").content.decode()


@pytest.mark.parametrize("page", ["", "export/"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("action=CREDIT", 200),
        ("action=CREDIT&from=", 200),
        ("action=x", 302),
        ("action=x&from=2026-01-01", 302),
        ("from=soon", 302),
        ("to=9999-12-31", 302),
        ("from=0001-01-01&to=9999-12-30", 200),
        ("from=%00", 302),
        ("asset=x", 302),
        ("rule=x", 302),
        ("created_by=%00", 302),
        ("created_by=" + "x" * 5000, 200),
        ("created_by=rule:" + "%20v1" * 500, 200),
        ("program=%00", 302),
        ("participant__id__exact=x", 302),
        ("q=%00", 302),
        ("description__regex=(a%2B)%2B$", 400),
        ("idempotency_key=k", 400),
        ("from=2026-01-01&from=x", 302),
        ("q=" + "x" * 5000, 200),
        ("p=99999999999", 200),
        ("o=1.2.3", 200),
        ("_facets=1", 200),
    ],
)
def test_hostile_addresses_of_the_journal_show_no_error_page(
    admin_client: Client, journal: World, page: str, query: str, status: int
) -> None:
    response = admin_client.get(f"{JOURNAL}{page}?{query}")

    assert response.status_code == status
    if status == 302:
        assert response.headers["Location"] == f"{JOURNAL}?e=1"


def test_the_export_spells_numbers_plainly_and_disarms_formulas(
    admin_client: Client, db: None
) -> None:
    world = make_world('=HYPERLINK("x")', scale=18)
    world.credit("12345678901234567890.5", of='=HYPERLINK("x")', description="+1, said\nEva")

    [row] = exported(admin_client)

    assert row["amount"] == "12345678901234567890.500000000000000000"
    assert row["external_id"] == '\'=HYPERLINK("x")'
    assert row["description"] == "'+1, said\nEva"
    assert (row["action_type"], row["source"], row["destination"]) == (
        "CREDIT", "ISSUANCE", "AVAILABLE",
    )  # fmt: skip
    assert (row["sequence"], row["asset"], row["program"]) == ("1", "PTS", "Club")
    assert row["entry_hash"] == bytes(JournalEntry.objects.get().entry_hash).hex()
    assert row["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain", "plain"), ("a=b", "a=b"), (None, ""), ("", ""), ("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"),
        ("@x", "'@x"), (" =1", "' =1"), ("\t=1", "'\t=1"), ("\rx", "'\rx"), ("\nx", "'\nx"), ("\uff1d1", "'\uff1d1"),
        # Where the separator is a semicolon, a cell begins after one, and a row after a line end.
        (";=1", "';'=1"), ("a;=1", "a;'=1"), ("; +1", "'; '+1"), ("|@x", "'|'@x"), ("a\t-1", "a\t'-1"),
        (",=1", "',=1"), ("a\n=1", "a\n'=1"), ("a\r\n\uff20x", "a\r\n'\uff20x"), ('a;"=1', 'a;"\'=1'), ('"=1', '\'"=1'),
        (";;=1;=2", "';;'=1;'=2"), ("a; b", "a; b"), ("a, -5", "a, -5"), ("a;b=c", "a;b=c"), ("x-y;z+1", "x-y;z+1"),
    ],
)  # fmt: skip
def test_a_cell_is_no_formula(text: str | None, cell: str) -> None:
    assert plain(text) == cell


@pytest.fixture
def many(world: World) -> None:
    """Two thousand five hundred entries of ana, of which many share a moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO participants_journalentry (id, participant_id, sequence, asset_id, program_id, source,
                destination, amount, available, held, deferred, description, created_by, created_at, entry_hash)
            SELECT gen_random_uuid(), %s, n, %s, %s, 'ISSUANCE', 'AVAILABLE', 1, n, 0, 0, 'Number ' || n, 'tests',
                now() - (n / 100 || ' minutes')::interval, '\\x00'
            FROM generate_series(1, 2500) AS n""",
            [ana().pk, world.asset.pk, world.program.pk],
        )


@pytest.mark.parametrize("query", ["", "?q=ana"])
@pytest.mark.usefixtures("many")
def test_the_export_has_each_entry_once_in_batches(
    admin_client: Client, queries: list[str], query: str
) -> None:
    rows = exported(admin_client, query)

    stored = JournalEntry.objects.order_by(*(["-sequence"] if query else ["-created_at", "-id"]))
    assert [row["entry_id"] for row in rows] == [
        str(pk) for pk in stored.values_list("pk", flat=True)
    ]
    batches = [sql for sql in queries if "LIMIT 1000" in sql]
    assert len(batches) == 3
    assert not [sql for sql in queries if "OFFSET" in sql or "COUNT(" in sql.upper()]


@pytest.mark.parametrize(
    "asked",
    [
        "", "?action=CREDIT", "?action=HOLD", "?asset={asset}", "?program={program}", "?rule={rule}", "?created_by=staff:ada",
        "?created_by=tests", "?created_by=rule:R%20v1", "?action=HOLD&asset={asset}",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("many")
def test_the_journal_reads_entries_along_an_index_and_sorts_none(
    admin_client: Client, world: World, asked: str
) -> None:
    rule = make_rule(world.program, "R", {"type": "TAG", "tag": "x"})
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE participants_journalentry SET rule_id = %s, created_by = 'rule:R v1' WHERE sequence %% 2 = 0",
            [rule.pk],
        )
        cursor.execute("ANALYZE participants_journalentry")
        cursor.execute("SET LOCAL enable_sort = off")  # of so few entries, sorting some is as quick
    query = asked.format(asset=world.asset.pk, program=world.program.pk, rule=rule.pk)

    [plan] = plans_of("LIMIT 51", lambda: admin_client.get(JOURNAL + query))

    assert "Seq Scan on participants_journalentry" not in plan
    assert "Sort" not in plan


@pytest.mark.parametrize("asked", ["", "?p=2", "?q=ana", "?p=100000000", "?o=2.3", "?_facets=1"])
@pytest.mark.usefixtures("many")
def test_the_journal_takes_a_few_queries_and_counts_nothing(
    admin_client: Client, queries: list[str], asked: str
) -> None:
    response = admin_client.get(JOURNAL + asked)

    assert response.status_code == 200
    # Session, user, saved views, rows, programs, assets and rules to filter by, the participant searched for.
    assert len(queries) <= 8
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]
    assert len(response.context["cl"].result_list) in (0, 50)


def test_what_was_imported_shows_and_is_found_by_when_it_happened(
    admin_client: Client, world: World
) -> None:
    long_ago = datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC)
    world.credit("1", description="now")
    event = NewEvent(world.program.pk, "ana", "old", long_ago, {"amount": 1})
    action = {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "2"}
    rule = {"program_id": str(world.program.pk), "name": "R", "condition": "true"}
    rulebook.create(rulebook.clean_new({**rule, "actions": [action]}), by=TESTER)
    ingest.ingest_each([event], by=TESTER)
    process.process_now(ana().pk)
    entry = JournalEntry.objects.get(description="R")

    def found(query: str) -> list[str]:
        shown = admin_client.get(f"{JOURNAL}?{query}").context["cl"].result_list
        rows = exported(admin_client, f"?{query}")
        assert [row["description"] for row in rows] == [each.description for each in shown]
        return [row["effective_at"][:10] for row in rows]

    assert found("effective_to=2020-02-29") == ["2020-02-29"]
    assert found("effective_from=2020-02-29&effective_to=2020-02-29") == ["2020-02-29"]
    assert found("effective_to=2020-02-28") == []
    assert found("effective_from=2020-03-01") == [f"{timezone.now():%Y-%m-%d}"]
    assert "happened 2020-02-29 23:59:59" in admin_client.get(JOURNAL).content.decode()
    page = admin_client.get(f"{JOURNAL}{entry.pk}/change/").content.decode()
    assert "2020-02-29T23:59:59.000000Z" in page
    assert admin_client.get(f"{JOURNAL}?effective_from=x").status_code == 302
