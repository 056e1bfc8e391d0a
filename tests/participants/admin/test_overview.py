"""The page of a participant: what it shows to whom, and the verbs that it leads to."""

import html
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from participants import state
from participants.events.retry import retry
from participants.models import ActionType, Counter, Enrollment, Participant, ParticipantStatus
from participants.state.counters import CounterChange, set_counter
from participants.state.tiers import TierChange, set_tier
from programs.models import Program, ProgramStatus, TierLevel
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.admin.event_pages import make_mistake, make_redemption, make_rule, processed
from tests.participants.admin.ledger_pages import ana, asked, make_track, page_of
from tests.participants.ledger_world import World
from tests.staff import staff_client, told


def overview(client: Client) -> Any:
    return client.get(page_of(ana()))


def text_of(response: Any) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))
    return re.sub(r"\s+", " ", text).strip()


def test_the_page_shows_balances_with_what_matures_when(admin_client: Client, world: World) -> None:
    matures_at = timezone.now() + timedelta(days=3)
    world.credit("10.5")
    world.move(ActionType.HOLD, "4")
    world.credit("2", matures_at=matures_at)

    [held] = overview(admin_client).context["balances"]

    assert (held.available, held.held, held.deferred) == ("6.50", "4.00", "2.00")
    assert [(credit.amount, credit.at) for credit in held.maturing] == [("2.00", matures_at)]
    world.debit("9", allow_negative=True)
    page = text_of(overview(admin_client))
    assert "-2.50 PTS overdrawn 4.00 held, 2.00 deferred" in page
    assert f"2.00 available {matures_at:%Y-%m-%d %H:%M:%S} UTC" in page


@pytest.mark.parametrize(
    ("criteria", "mode", "shown"),
    [
        ([("spent", ">=", "500")], "ALL", "399.5 more spent to Gold"),
        ([("spent", ">", "500")], "ALL", "more than 399.5 more spent to Gold"),
        ([("spent", ">=", "100"), ("visits", ">=", "2")], "ALL", "spent is 100.5 (reached) and 2 more visits to Gold"),
        ([("spent", ">=", "500"), ("returns", "<", "0")], "ANY", "399.5 more spent or returns < 0; it is 0 to Gold"),
    ],
)  # fmt: skip
def test_the_way_to_the_next_level_is_told(
    admin_client: Client, world: World, criteria: list[tuple[str, ...]], mode: str, shown: str
) -> None:
    make_track(world.program)
    names = ("counter", "operator", "threshold")
    qualification = {"mode": mode, "criteria": [dict(zip(names, c, strict=True)) for c in criteria]}
    TierLevel.objects.filter(key="gold").update(qualification=qualification)
    set_counter("ana", "spent", CounterChange(Decimal("100.50")), by=TESTER)

    page = overview(admin_client)

    assert f"Status in Club Base {shown}" in text_of(page)
    assert ('value="100.5" max="500"' in page.content.decode()) == ("399.5" in shown)


def test_events_are_told_with_what_they_gave_and_why_or_why_not(
    admin_client: Client, world: World
) -> None:
    credit = {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "event.amount"}
    make_rule(world.program, "Points", credit, condition="event.amount > 50.0")
    make_mistake(world.program)
    small = processed(world.program, "small", event_data={"type": "visit", "amount": 12})
    processed(world.program, "large", event_data={"type": "visit", "amount": 60})
    retry(small.pk, by=TESTER)

    page = text_of(overview(admin_client))

    assert "Event retried" in page
    assert (
        "amount 60, large Points , version 1 Credited 60.00 PTS (available 0.00 → 60.00)." in page
    )
    assert "Bonus , version 1" in page
    assert "1 rule error" in page


def test_why_nothing_was_earned_is_told(admin_client: Client, world: World) -> None:
    credit = {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "event.amount"}
    make_rule(world.program, "Points", credit, condition="event.amount > 50.0")
    processed(world.program, "small", event_data={"type": "visit", "amount": 12})

    page = text_of(overview(admin_client))

    assert "Points , version 1 event.amount > 50.0 is false: it is 12" in page


def everything(world: World) -> None:
    """Something of each kind that the page can show, with numbers that stand nowhere else."""
    track = make_track(world.program)
    criteria = [{"counter": "spent", "operator": ">=", "threshold": "7777"}]
    TierLevel.objects.filter(key="gold").update(qualification={"mode": "ALL", "criteria": criteria})
    credit = {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "1"}
    make_rule(world.program, "Points", credit)
    make_rule(world.program, "Rich", credit, condition="participant.balances.PTS.available > 6000")
    processed(world.program, "order-1")
    make_redemption(world.program, world.asset)
    processed(world.program, "order-2")
    world.credit("4242.42", description="Sorry")
    world.credit("31.31", matures_at=timezone.now() + timedelta(days=9))
    world.move(ActionType.HOLD, "9.09")
    set_counter("ana", "spent", CounterChange(Decimal("5151.5")), by=TESTER)
    set_tier("ana", track.key, world.program.pk, TierChange("silver"), by=TESTER)


# What shows a balance: what is there, matures, was before or after, or is too little.
BALANCES = ["4,234.33", "4,243.42", "4,242.42 available", "9.09 held", "31.31 deferred", "0.00 →", "→ 1.00", "AVAILABLE has"]  # fmt: skip


def test_who_may_not_see_balances_sees_none_anywhere(world: World) -> None:
    everything(world)
    all_but = Permission.objects.filter(content_type__app_label__in=["participants", "programs"])
    client = staff_client(
        *all_but.exclude(codename="view_balance").values_list("codename", flat=True)
    )
    who = ana()
    pages = [
        page_of(who),
        *(
            page_of(who, f"change/?kind={kind}")
            for kind in ("events", "movements", "tiers", "changes")
        ),
        *(f"/admin/participants/event/{event.pk}/change/" for event in who.events.all()),
        "/admin/participants/event/",
        page_of(who, "adjust/"),
    ]

    texts = [text_of(client.get(page)) for page in pages]
    preview = client.post(page_of(who, "adjust/"), asked(world, action="CREDIT", amount="1.5"))
    much = client.post(page_of(who, "adjust/"), asked(world, action="DEBIT", amount="99999"))
    confirm = {**shown_fields(preview, "adjust_form"), "step": "confirm"}
    done = client.post(page_of(who, "adjust/"), confirm)

    for text in [*texts, text_of(preview), text_of(much), *told(done)]:
        assert not [figure for figure in BALANCES if figure in text]
    assert "+1.50" in text_of(preview)
    assert "There is not enough." in text_of(much)
    assert told(done) == ["Credit of 1.50 PTS."]
    assert "It depends on a balance, which you may not see." in texts[1]


# What the page shows only to who has each permission.
SHOWN_TO = {
    "view_balance": ["4,234.33"],
    "view_event": ["order-1"],
    "view_journalentry": ["Sorry"],
    "view_statechange": ["Tier status in Club"],
    "view_counter": ["5,151.5", "spent"],
    "view_tierstanding": ["Status in Club"],
    "view_enrollment": ["Programs"],
    "adjust_balance": ["Adjust", "Release"],
    "change_participant": ["Suspend", "Tag"],
    "change_enrollment": ["Enroll"],
    "change_tierstanding": ["Set tier"],
}


def test_each_part_is_for_those_who_may_see_it(world: World) -> None:
    everything(world)
    user = User.objects.create_user("sam", is_staff=True)
    client = Client()
    client.force_login(user)
    inside = re.compile(r'<main id="content-start".*</main>', re.DOTALL)

    def shown(*permissions: str) -> str:
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        content = inside.search(overview(client).content.decode())
        assert content is not None
        return re.sub(r"<[^>]+>", "|", content[0])

    nothing = shown("view_participant")
    for permission, words in SHOWN_TO.items():
        page = shown("view_participant", permission)
        for word in words:
            assert word not in nothing, word
            assert word in page, (permission, word)
        others = [w for p, ws in SHOWN_TO.items() if p != permission for w in ws]
        # A change of a counter is told in the history of changes.
        extra = {"5,151.5", "spent"} if permission == "view_statechange" else set()
        allowed = {*words, *extra, *(["Tier status in Club"] if "tier" in permission else [])}
        assert not [w for w in others if w not in allowed and f"|{w}|" in page], permission


def test_the_page_takes_at_most_twelve_queries_for_whoever_looks(
    world: World, queries: list[str]
) -> None:
    everything(world)
    for number in range(30):
        make_track(world.program, f"t{number}")
        set_counter("ana", f"c{number}", CounterChange(Decimal(number)), by=TESTER)
    codenames = Permission.objects.filter(content_type__app_label="participants")
    client = staff_client(*codenames.values_list("codename", flat=True))
    ContentType.objects.get_for_model(Participant)
    overview(client)
    queries.clear()

    response = overview(client)

    assert len(response.context["standings"]) == 31
    assert len(queries) <= 12, queries
    assert not [sql for sql in queries if "COUNT(" in sql.upper()]


def test_a_suspended_participant_is_reactivated_with_a_reason(
    admin_client: Client, world: World
) -> None:
    page = page_of(ana(), "status/?to=SUSPENDED")

    shown = admin_client.get(page)
    suspended = admin_client.post(page, {"reason": "Fraud", "step": "confirm"})
    line = overview(admin_client).context["timeline"].lines[0]

    assert "Status Active Suspended" in text_of(shown)
    assert told(suspended)[-1] == "ana was suspended."
    assert suspended.headers["Location"] == page_of(ana())
    assert (line.title, line.change, line.reason) == ("Status", ("Active", "Suspended"), "Fraud")
    assert line.who == "staff:admin"
    labels = [action.label for action in overview(admin_client).context["actions"]]
    assert labels[-2:] == ["Reactivate", "Close"]


def test_a_preview_changes_nothing_and_says_what_confirming_does(
    admin_client: Client, world: World
) -> None:
    other = Program.objects.create(name="Other")
    pages: dict[str, dict[str, Any]] = {
        "tags/": {"add": "vip\nVIP"},
        "enroll/": {"program": str(other.pk), "status": "ACTIVE"},
        "counter/": {"key": "spent", "value": "5"},
    }
    for page, fields in pages.items():
        before = ana().state_changes.count()
        preview = admin_client.post(page_of(ana(), page), {**fields, "step": "preview"})
        assert ana().state_changes.count() == before
        confirm = {**shown_fields(preview, "part_form"), "step": "confirm"}
        admin_client.post(page_of(ana(), page), confirm)
        line = overview(admin_client).context["timeline"].lines[0]
        assert preview.context["changes"] == [(line.title, *(line.change or ("", "")))]
    assert (ana().tags, Counter.objects.get().value) == (["vip"], 5)
    nothing = admin_client.post(page_of(ana(), "tags/"), {"add": "vip", "step": "preview"})
    assert "Nothing would change." in text_of(nothing)


def test_an_inactive_enrollment_says_that_the_next_event_undoes_it(
    admin_client: Client, world: World
) -> None:
    fields = {"program": str(world.program.pk), "status": "LOCKED", "step": "preview"}
    page = page_of(ana(), f"enroll/?program={world.program.pk}")

    form = text_of(admin_client.get(page))
    preview = text_of(admin_client.post(page, fields))
    on_edit = shown_fields(admin_client.get(page_of(ana(), "edit/")), "participant_form")
    saved = admin_client.post(
        page_of(ana(), "edit/"), on_edit | {"enrollments-0-status": ["LOCKED"]}
    )

    warning = "next event in Club makes this enrollment active again"
    assert "next event in the program makes the enrollment active again" in form
    assert warning in preview
    assert warning in told(saved)[0]


# Each verb by its page and what its form is sent with.
VERBS: list[tuple[str, dict[str, str]]] = [
    *(("adjust/", {"action": action, "amount": "5", "matures_at": ""}) for action in ("CREDIT", "DEBIT", "HOLD", "RELEASE", "FORFEIT")),
    *((f"status/?to={status}", {}) for status in ParticipantStatus),
    ("tags/", {"add": "new"}),
    ("enroll/", {"program": "here", "status": "ACTIVE"}),
    ("enroll/", {"program": "other", "status": "ACTIVE"}),
    ("enroll/", {"program": "here", "status": "CLOSED"}),
    ("counter/", {"key": "new", "value": "1"}),
    ("tiers/{track}/", {"level": "gold"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "program_status", "enrollment", "credit"),
    [
        ("ACTIVE", ProgramStatus.ACTIVE, "ACTIVE", ""),
        ("SUSPENDED", ProgramStatus.ACTIVE, "ACTIVE", "100"),
        ("CLOSED", ProgramStatus.ACTIVE, "ACTIVE", "100"),
        ("ACTIVE", ProgramStatus.ARCHIVED, "ACTIVE", "100"),
        ("ACTIVE", ProgramStatus.ACTIVE, "LOCKED", "100"),
        ("CLOSED", ProgramStatus.ARCHIVED, None, ""),
    ],
)
def test_a_preview_never_promises_what_confirming_refuses(
    admin_client: Client, world: World, status: str, program_status: str, enrollment: str | None, credit: str
) -> None:  # fmt: skip
    track = make_track(world.program)
    other = Program.objects.create(name="Other")
    if credit:
        world.credit(credit)
    if enrollment:
        Enrollment.objects.update(status=enrollment)
    else:
        Enrollment.objects.all().delete()
    state.change(state.Change(status=ParticipantStatus(status)), to="ana", by=TESTER)
    Program.objects.filter(pk=world.program.pk).update(status=program_status)
    programs = {"here": str(world.program.pk), "other": str(other.pk)}

    for page, fields in VERBS:
        address = page_of(ana(), page.format(track=track.pk))
        sent = asked(world, **fields) if page == "adjust/" else {**fields, "step": "preview"}
        sent["program"] = programs.get(sent.get("program", ""), "")
        preview = admin_client.post(address, sent)
        if preview.status_code == 404:
            continue  # a track of a program in which they never were
        promised = 'value="confirm"' in preview.content.decode()
        confirm: dict[str, Any] = {**sent, "step": "confirm"}
        if promised:
            form = "adjust_form" if page == "adjust/" else "part_form"
            confirm = {**shown_fields(preview, form), "step": "confirm"}
        done = admin_client.post(address, confirm)
        if promised:
            assert done.status_code == 302, (page, fields)
        elif preview.context["form"].errors:
            assert done.status_code == 200, (page, fields)
        # As it was, for the next verb.
        state.change(state.Change(status=ParticipantStatus(status)), to="ana", by=TESTER)
        Enrollment.objects.filter(program=world.program).update(status=enrollment or "ACTIVE")
        if not enrollment:
            Enrollment.objects.filter(program=world.program).delete()
