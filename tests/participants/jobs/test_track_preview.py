"""Previews of tier tracks: the same count as events give, at once or as a job in steps."""

from typing import Any

import pytest
from django.test import Client

from participants import state
from participants.jobs import track_preview
from participants.jobs.worker import Worker
from participants.models import Job, StateChange, TierStanding
from participants.state import counters, tiers
from programs import tracks
from programs.models import Program, TierTrack
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.admin.test_jobs import signed_in, staff
from tests.participants.events.workers import an_event, send, work_off
from tests.participants.ledger_world import World, make_world

PREVIEW = "/admin/participants/job/preview/track/"


def level(key: str, rank: int, threshold: str) -> tracks.Level:
    criteria = [{"counter": "spent", "operator": ">=", "threshold": threshold}]
    return tracks.Level(key, rank, key.capitalize(), {"mode": "ALL", "criteria": criteria}, [])


OLD = [level("silver", 1, "100"), level("gold", 2, "1000")]
NEW = [level("silver", 1, "300"), level("gold", 2, "500")]


@pytest.fixture
def world(db: None) -> World:
    """Six people who spent 0, 100 .. 500 and stand where the old levels have them; and what staff has set of some."""
    people = [f"p{number}" for number in range(6)]
    world = make_world(*people)
    tracks.create(world.program.pk, tracks.NewTrack("status", levels=OLD), by=TESTER)
    for number, person in enumerate(people):
        change = counters.clean_counter({"value": f"{number * 100}"})
        counters.set_counter(person, "spent", change, by=TESTER)
    send([an_event(world, person, person) for person in people])
    work_off()
    pin = tiers.TierChange("gold", pinned=True)
    tiers.set_tier("p0", "status", world.program.pk, pin, by=TESTER)
    return world


def track_of(world: World) -> TierTrack:
    return TierTrack.objects.get(program=world.program)


def standings(world: World) -> dict[str, int]:
    rows = TierStanding.objects.filter(track=track_of(world))
    return {key: rows.filter(level=key).count() for key in ("silver", "gold")}


def test_who_would_rise_and_who_stands_above_is_what_comes_of_the_next_events(
    world: World,
) -> None:
    before, changes = standings(world), StateChange.objects.count()

    report = track_preview.answer(world.program, track_of(world), NEW)

    assert before == {"silver": 5, "gold": 1}
    assert StateChange.objects.count() == changes
    # p5 reaches gold; p1 and p2 no longer reach silver, and p0 is pinned.
    assert report == {
        "people": 6,
        "rise": 1,
        "above": 3,
        "lose": 0,
        "covered": 0,
        "levels": [
            {"key": "", "name": "Base", "people": 0},
            {"key": "silver", "name": "Silver", "people": 4},
            {"key": "gold", "name": "Gold", "people": 2},
        ],
    }
    tracks.change(track_of(world).pk, tracks.TrackChange(levels=NEW), by=TESTER)
    send([an_event(world, f"p{number}", f"again{number}") for number in range(6)])
    work_off()
    assert standings(world) == {"silver": 4, "gold": 2}


def test_levels_that_go_and_loans_are_told(world: World) -> None:
    report = track_preview.answer(world.program, track_of(world), [level("gold", 1, "0")])

    # Five lose silver, and rise to gold; p0 is on gold by a pin and would earn what they stand on.
    assert (report["people"], report["rise"], report["lose"], report["covered"]) == (6, 5, 5, 1)


def test_a_new_track_is_previewed(world: World) -> None:
    report = track_preview.answer(world.program, None, NEW)

    assert (report["rise"], report["above"]) == (3, 0)


def test_only_the_active_of_the_program_count(world: World) -> None:
    other = Program.objects.create(name="Other")
    state.change(state.Change(program_id=other.pk), to="p5", by=TESTER, rights=state.ALL_RIGHTS)

    assert track_preview.answer(other, None, NEW)["people"] == 1


def test_many_are_counted_by_a_job_step_by_step(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = track_preview.answer(world.program, track_of(world), NEW)
    monkeypatch.setattr(track_preview, "ANSWERED_AT_ONCE", 5)
    monkeypatch.setattr(track_preview, "_LOADED", 1)
    monkeypatch.setattr(track_preview, "_AT_A_STEP", 2)

    assert track_preview.answer(world.program, track_of(world), NEW) is None
    job = track_preview.request(
        world.program, track_of(world), NEW, title="Preview", by=TESTER, user=None
    )
    Worker().drain()

    job.refresh_from_db()
    assert job.report == at_once


def test_the_form_of_a_track_is_previewed_as_it_stands_and_saves_nothing(
    world: World, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = track_of(world)
    page = admin_client.get(f"/admin/programs/tiertrack/{track.pk}/change/")
    fields: dict[str, Any] = shown_fields(page, "tiertrack_form")
    fields["levels-0-qualification-threshold"] = ["300", ""]
    fields["levels-1-qualification-threshold"] = ["500", ""]
    address = f"{PREVIEW}?track={track.pk}"

    shown = admin_client.post(address, fields).content.decode()
    part = admin_client.post(address, fields, headers={"X-Fragment": "1"}).content.decode()
    wrong = {**fields, "levels-1-rank": "1"}
    refused = admin_client.post(address, wrong)

    assert "<html" in shown
    assert "<html" not in part
    for content in (shown, part):
        assert "1 person would rise" in content
        assert "3 stand above" in content
    assert refused.status_code == 400
    assert "Another level has this rank." in refused.content.decode()
    track.refresh_from_db()
    assert track.version == 1
    monkeypatch.setattr(track_preview, "ANSWERED_AT_ONCE", 5)
    answer = admin_client.post(address, fields)
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/admin/participants/job/{job.pk}/change/"
    Worker().drain()
    content = admin_client.get(answer.headers["Location"]).content.decode()
    assert "1 person would rise" in content


def test_a_preview_takes_the_rights_to_counters(world: World, client: Client) -> None:
    few = [each for each in track_preview.TRACK_PREVIEW.permissions if "counter" not in each]
    ana = signed_in(staff("ana", *few, "programs.change_tiertrack"))
    track = track_of(world)

    page = ana.get(f"/admin/programs/tiertrack/{track.pk}/change/").content.decode()

    assert "Preview before you save" not in page
    assert ana.post(f"{PREVIEW}?track={track.pk}").status_code == 403
