"""Jobs in the admin: their list and pages, for whom they are, and how a replay is asked for."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from participants import jobs
from participants.jobs import replay, steps
from participants.jobs.kinds import KINDS
from participants.jobs.worker import Worker
from participants.models import Event, Job, JobStatus, Participant
from programs.models import Asset, Program, Rule
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.events.workers import an_event, send
from tests.participants.jobs.made_up import MADE_UP
from tests.participants.ledger_world import World

JOBS = "/admin/participants/job/"


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "made_up", MADE_UP)


def staff(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name, password="correct horse", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=[each.partition(".")[2] for each in permissions])
    )
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def asked(user: User | None, **parameters: Any) -> Job:
    return jobs.request(MADE_UP, "Counting", parameters, by=TESTER, user=user)


def text(response: Any) -> str:
    content: str = response.content.decode()
    return content


def test_a_job_is_listed_followed_and_reported_with_its_files(
    admin_client: Client, admin_user: User
) -> None:
    job = asked(admin_user, steps=3)
    waiting = text(admin_client.get(f"{JOBS}{job.pk}/change/"))
    assert "Counting" in waiting
    assert "It has not begun yet." in waiting
    steps.take()
    assert "1 of 3" in text(admin_client.get(f"{JOBS}{job.pk}/change/"))
    assert "1 of 3" in text(admin_client.get(JOBS))
    Worker().drain()

    page = text(admin_client.get(f"{JOBS}{job.pk}/change/"))
    assert "Completed" in page
    assert "{&quot;steps&quot;:3}" in page
    download = admin_client.get(f"{JOBS}{job.pk}/files/written.txt")
    assert b"".join(download.streaming_content) == b"1\n2\n3\n"  # type: ignore[attr-defined]
    assert admin_client.get(f"{JOBS}{job.pk}/files/other.txt").status_code == 404
    assert admin_client.get(f"{JOBS}?status=FAILED&mine=1").status_code == 200


def test_the_list_takes_as_many_queries_for_a_hundred_jobs_as_for_one(
    admin_client: Client, admin_user: User, queries: list[str]
) -> None:
    def count() -> int:
        queries.clear()
        admin_client.get(JOBS)
        return len(queries)

    asked(admin_user, steps=1)
    count()
    few = count()
    for _ in range(100):
        asked(admin_user, steps=1)
    assert count() == few
    assert not any("COUNT(" in sql for sql in queries)


def test_cancelling_takes_who_asked_or_a_permission(admin_client: Client) -> None:
    ana = staff("ana", "programs.view_program")
    bo = staff("bo", "programs.view_program", "participants.view_job")
    job = asked(ana, steps=3)

    assert "Cancel" not in text(signed_in(bo).get(f"{JOBS}{job.pk}/change/"))
    assert signed_in(bo).post(f"{JOBS}{job.pk}/cancel/").status_code == 403
    page = text(signed_in(ana).post(f"{JOBS}{job.pk}/cancel/", follow=True))

    assert "cancelled by staff:ana" in page
    again = text(admin_client.post(f"{JOBS}{job.pk}/cancel/", follow=True))
    assert "The job has ended already." in again


def test_who_may_not_view_jobs_sees_their_own_and_who_lacks_what_a_kind_takes_sees_no_report(
    db: None,
) -> None:
    ana = staff("ana", "programs.view_program")
    bo = staff("bo", "participants.view_job")
    cy = staff("cy", "programs.view_program")
    nobody = staff("nobody")
    job = asked(ana, steps=1)
    Worker().drain()
    page, file = f"{JOBS}{job.pk}/change/", f"{JOBS}{job.pk}/files/written.txt"

    assert "steps" in text(signed_in(ana).get(page))
    assert "Counting" in text(signed_in(ana).get(JOBS))
    seen = text(signed_in(bo).get(page))
    assert "You lack a permission that this report takes." in seen
    assert "steps" not in seen
    assert signed_in(bo).get(file).status_code == 403
    assert "Counting" not in text(signed_in(cy).get(JOBS))
    assert signed_in(cy).get(page).status_code == 403
    assert signed_in(cy).get(file).status_code == 403
    assert signed_in(nobody).get(JOBS).status_code == 403


@pytest.fixture
def purchases(program: Program, points: Asset, participant: Participant) -> Rule:
    world = World(program, points)
    send([an_event(world, "ana", f"k{number}", amount=number * 10) for number in range(1, 11)])
    return Rule.objects.get(name="Purchases")


def test_the_form_of_a_rule_is_replayed_as_it_stands_and_saves_nothing(
    admin_client: Client, purchases: Rule
) -> None:
    response = admin_client.get(f"/admin/programs/rule/{purchases.pk}/change/")
    fields = shown_fields(response, "rule_form")
    assert fields["replay_events"] == ["1000"]
    fields["condition"] = ["event.amount > 80.0"]

    address = f"{JOBS}replay/rule/?rule={purchases.pk}"
    answer = admin_client.post(address, fields)
    job = Job.objects.get()
    assert answer.headers["Location"] == f"{JOBS}{job.pk}/change/"
    Worker().drain()
    page = text(admin_client.get(f"{JOBS}{job.pk}/change/"))

    purchases.refresh_from_db()
    assert purchases.condition == "event.amount > 50.0"
    assert "from empty balances and counters" in page
    assert "Credited POINTS" in page
    for figure in ("400", "190", "-210"):  # 60 .. 100, then 90 and 100
        assert figure in page
    assert f"/admin/participants/event/{Event.objects.first().pk}/change/" in page  # type: ignore[union-attr]


def test_a_new_rule_and_a_form_with_mistakes(admin_client: Client, purchases: Rule) -> None:
    program = purchases.program_id
    response = admin_client.get(f"/admin/programs/rule/add/?program={program}")
    fields = {**shown_fields(response, "rule_form"), "status": ["SUSPENDED"]}
    address = f"{JOBS}replay/rule/?program={program}"

    refused = admin_client.post(address, {**fields, "name": "New", "condition": "event.amount >"})
    assert refused.status_code == 400
    assert "Fix these first" in text(refused)
    named = {"name": "New", "condition": "event.amount == 10.0", "replay_events": "5"}
    answer = admin_client.post(address, {**fields, **named})
    assert answer.status_code == 302, text(answer)

    assert Job.objects.get().parameters["events"] == 5
    assert not Rule.objects.filter(name="New").exists()
    assert admin_client.post(f"{JOBS}replay/rule/").status_code == 404
    assert admin_client.get(address).status_code == 405


def test_a_program_is_replayed_with_other_rules_and_another_order(
    admin_client: Client, purchases: Rule
) -> None:
    address = f"{JOBS}replay/program/{purchases.program_id}/"
    program = f"/admin/programs/program/{purchases.program_id}/change/"
    assert f'href="{address}"' in text(admin_client.get(program))
    fields = shown_fields(admin_client.get(address), "replay-program")
    assert "Nothing differs" in text(admin_client.post(address, fields))

    del fields[f"runs-{purchases.pk}"]
    admin_client.post(address, {**fields, f"place-{purchases.pk}": "9"})
    Worker().drain()

    job = Job.objects.get()
    assert job.status == JobStatus.COMPLETED, job.failure
    assert job.title == "Replay of Club: 1 switched and another order"
    assert "changed" in text(admin_client.get(f"{JOBS}{job.pk}/change/"))


def test_a_replay_takes_the_rights_to_all_that_a_condition_can_read(
    purchases: Rule, admin_client: Client
) -> None:
    few = [each for each in replay.REPLAY.permissions if each != "participants.view_balance"]
    ana = signed_in(staff("ana", *few, "programs.change_rule"))
    rule = f"/admin/programs/rule/{purchases.pk}/change/"

    assert "Replay before you save" in text(admin_client.get(rule))
    assert "Replay before you save" not in text(ana.get(rule))
    assert ana.post(f"{JOBS}replay/rule/?rule={purchases.pk}").status_code == 403
    assert ana.get(f"{JOBS}replay/program/{purchases.program_id}/").status_code == 403
