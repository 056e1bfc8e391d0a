import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from programs import rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer, TierTrackChangeSerializer
from programs.models import Program, TierLevel, TierTrack, TierTrackVersion
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.threads import at_once

TRACKS = "/admin/programs/tiertrack/"
SPENT = {"counter": "spent", "operator": ">=", "threshold": "1000"}
GOLD = {
    "key": "gold",
    "rank": 2,
    "display_name": "Gold",
    "qualification": {"mode": "ALL", "criteria": [SPENT]},
    "benefits": [{"percent": 7}],
}
SILVER = {"key": "silver", "rank": 1, "display_name": "", "qualification": None, "benefits": []}


@pytest.fixture
def track(program: Program) -> TierTrack:
    """A track with two levels."""
    new = NewTierTrackSerializer.read(
        {"key": "status", "display_name": "Status", "levels": [SILVER, GOLD]}
    )
    return tracks.create(program.pk, new, by=TESTER)


def rows(*levels: dict[str, Any]) -> dict[str, str]:
    """Blank rows of the inline, filled with these levels."""
    posted = {"levels-TOTAL_FORMS": str(len(levels)), "levels-INITIAL_FORMS": "0"}
    for index, level in enumerate(levels):
        for name, value in level.items():
            text = value if isinstance(value, str) else json.dumps(value)
            posted[f"levels-{index}-{name}"] = text
    return posted


def shown_levels(track: TierTrack) -> list[dict[str, Any]]:
    return [level.snapshot() for level in TierLevel.objects.filter(track=track).order_by("rank")]


def page_of(track: TierTrack) -> str:
    return f"{TRACKS}{track.pk}/change/"


def fields_of(client: Client, track: TierTrack) -> dict[str, list[str]]:
    return shown_fields(client.get(page_of(track)), "tiertrack_form")


def test_a_track_is_added_with_its_levels_and_a_first_version(
    admin_client: Client, program: Program
) -> None:
    posted = {"program": str(program.pk), "key": "status", "display_name": "Status"}
    levels = rows({**GOLD, "benefits": '{"rate": 0.10}'}, {"key": "silver", "rank": "1"}, {})

    response = admin_client.post(f"{TRACKS}add/", posted | levels)

    track = TierTrack.objects.get()
    assert response.status_code == 302
    assert (track.key, track.program, track.version) == ("status", program, 1)
    assert [level["key"] for level in shown_levels(track)] == ["silver", "gold"]
    assert shown_levels(track)[0] == SILVER
    assert f"{shown_levels(track)[1]['benefits']['rate']}" == "0.10"
    assert TierTrackVersion.objects.get().changed_by == "staff:admin"
    assert LogEntry.objects.get().object_id == str(track.pk)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("program", ""),
        ("program", "club"),
        ("program", "\0"),
        ("program", str(UUID(int=1))),
        ("key", ""),
        ("key", "Status"),
        ("key", "k" * 65),
        ("key", "status"),
        ("display_name", "x" * 256),
        ("display_name", "a\0b"),
    ],
)
def test_a_track_is_added_under_the_rules_of_the_api(
    admin_client: Client, program: Program, track: TierTrack, field: str, value: str
) -> None:
    posted = {"program": str(program.pk), "key": "other", "display_name": "", **rows(GOLD)}

    response = admin_client.post(f"{TRACKS}add/", posted | {field: value})

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    assert TierTrack.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"key": "Gold"}, "key", "Give a small letter"),
        ({"key": ""}, "key", "required"),
        ({"key": "silver"}, "key", "Another level has this key."),
        ({"rank": "1"}, "rank", "Another level has this rank."),
        ({"rank": "0"}, "rank", "Give a number from 1"),
        ({"rank": "9999999999"}, "rank", "2147483647"),
        ({"rank": "one"}, "rank", "whole number"),
        ({"qualification": "{"}, "qualification", "The text is not JSON"),
        ({"qualification": "[]"}, "qualification", "Give a JSON object."),
        (
            {
                "qualification": '{"mode": "ALL", "criteria": [{"counter": "a", "operator": "!", "threshold": "1"}]}'
            },
            "qualification",
            "criteria[0].operator: Give one of",
        ),
        (
            {
                "qualification": '{"mode": "ALL", "criteria": [{"counter": "a", "operator": ">", "threshold": 1}]}'
            },
            "qualification",
            "criteria[0].threshold: Give the number as a string",
        ),
        ({"benefits": "7"}, "benefits", "Give a list or an object."),
        ({"benefits": "NaN"}, "benefits", "not a JSON number"),
        ({"benefits": '["\\u0000"]'}, "benefits", "NUL"),
        ({"benefits": "[" * 14 + "]" * 14}, "benefits", "levels deep"),
        ({"benefits": "[" * 4_500 + "]" * 4_500}, "benefits", "levels deep"),
        ({"benefits": json.dumps(["x" * 4_000])}, "benefits", "At most 4,000 characters"),
    ],
)
def test_a_level_is_refused_beside_its_field(
    admin_client: Client, program: Program, more: dict[str, str], field: str, words: str
) -> None:
    posted = {"program": str(program.pk), "key": "status", **rows(SILVER, {**GOLD, **more})}

    response = admin_client.post(f"{TRACKS}add/", posted)

    assert response.status_code == 200
    [levels] = [formset.formset for formset in response.context["inline_admin_formsets"]]
    assert [list(form.errors) for form in levels.forms] == [[], [field]]
    assert words in str(levels.forms[1].errors)
    assert not TierTrack.objects.exists()


def test_levels_are_changed_added_and_removed_on_the_page(
    admin_client: Client, track: TierTrack
) -> None:
    fields = fields_of(admin_client, track)
    change = {
        "levels-0-DELETE": ["on"],
        "levels-1-rank": ["1"],
        "levels-2-key": ["platinum"],
        "levels-2-rank": ["2"],
    }

    response = admin_client.post(page_of(track), fields | change)

    assert response.status_code == 302
    assert shown_levels(track) == [{**GOLD, "rank": 1}, {**SILVER, "key": "platinum", "rank": 2}]
    first, second = TierTrackVersion.objects.order_by("version")
    assert (second.version, second.changed_by) == (2, "staff:admin")
    assert first.snapshot["levels"] == [SILVER, GOLD]


def test_an_untouched_page_changes_nothing(admin_client: Client, track: TierTrack) -> None:
    long = "1234567890123456789.012345678901234567"
    new = TierTrackChangeSerializer.read(
        {"levels": [{**GOLD, "benefits": {"é": ["<&>", "a\nb", long]}}]}
    )
    before = tracks.change(track.pk, new, by=TESTER)

    response = admin_client.post(page_of(track), fields_of(admin_client, track))

    assert response.status_code == 302
    after = TierTrack.objects.get()
    assert (after.version, after.updated_at) == (2, before.updated_at)


def test_of_two_members_of_staff_who_edit_at_once_the_second_is_told(
    admin_client: Client, track: TierTrack
) -> None:
    fields = fields_of(admin_client, track)
    tracks.change(track.pk, tracks.TrackChange(levels=[]), by=TESTER)

    response = admin_client.post(page_of(track), fields | {"display_name": ["Rank"]})

    assert response.status_code == 200
    assert "Somebody else has changed this track in the meantime" in response.content.decode()
    assert TierTrack.objects.get().display_name == "Status"
    assert shown_levels(track) == []


def test_the_program_and_key_of_a_track_are_fixed(admin_client: Client, track: TierTrack) -> None:
    other = Program.objects.create(name="Other")
    fields = fields_of(admin_client, track)

    more = {"program": [str(other.pk)], "key": ["other"], "version": ["70"]}
    admin_client.post(page_of(track), fields | more)

    after = TierTrack.objects.get()
    assert (after.program_id, after.key, after.version) == (track.program_id, "status", 1)


def test_the_page_shows_the_last_versions(
    admin_client: Client, track: TierTrack, queries: list[str]
) -> None:
    for number in range(30):
        tracks.change(track.pk, tracks.TrackChange(f"Name {number}"), by=TESTER)
    queries.clear()

    content = admin_client.get(page_of(track)).content.decode()

    assert content.count("command:tests") == 20
    assert "Name 29" in content
    assert "silver 1, gold 2" in content
    assert len([sql for sql in queries if "tiertrackversion" in sql]) == 1


def test_a_track_is_deleted_softly_after_a_question(admin_client: Client, track: TierTrack) -> None:
    page = f"{TRACKS}{track.pk}/delete/"

    asked = admin_client.get(page)
    still_there = TierTrack.objects.current().exists()
    deleted = admin_client.post(page, {"post": "yes"})

    assert "Are you sure" in asked.content.decode()
    assert still_there
    assert deleted.status_code == 302
    assert not TierTrack.objects.current().exists()
    assert TierTrackVersion.objects.latest("version").changed_by == "staff:admin"
    assert admin_client.get(TRACKS).context["cl"].result_count == 0
    assert admin_client.get(page_of(track)).status_code == 302


def test_the_action_to_delete_is_soft_too(admin_client: Client, track: TierTrack) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [str(track.pk)], "post": "yes"}

    admin_client.post(TRACKS, chosen)

    assert TierTrack.objects.exclude(deleted_at=None).count() == 1
    assert TierTrackVersion.objects.count() == 2


def test_the_list_takes_as_many_queries_for_many(
    admin_client: Client, program: Program, queries: list[str]
) -> None:
    for number in range(40):
        new = NewTierTrackSerializer.read({"key": f"t{number}", "levels": [SILVER, GOLD]})
        tracks.create(program.pk, new, by=TESTER)
    queries.clear()

    response = admin_client.get(TRACKS)

    assert (
        response.content.decode().count('<td class="field-level_count" data-label="Levels">2</td>')
        == 40
    )
    assert len(queries) == 6  # session, user, saved views, two counts, rows


def test_the_page_takes_as_many_queries_for_many_levels(
    admin_client: Client, track: TierTrack, queries: list[str]
) -> None:
    admin_client.get(page_of(track))
    queries.clear()
    admin_client.get(page_of(track))
    few = len(queries)
    levels = [{"key": f"l{number}", "rank": number} for number in range(1, 101)]
    tracks.change(track.pk, TierTrackChangeSerializer.read({"levels": levels}), by=TESTER)
    queries.clear()

    admin_client.get(page_of(track))

    assert len(queries) == few


def test_a_page_of_the_largest_track_can_be_saved(admin_client: Client, track: TierTrack) -> None:
    levels = [{"key": f"l{number}", "rank": number} for number in range(1, 101)]
    tracks.change(track.pk, TierTrackChangeSerializer.read({"levels": levels}), by=TESTER)
    fields = fields_of(admin_client, track)

    response = admin_client.post(page_of(track), fields | {"levels-0-display_name": ["First"]})

    assert response.status_code == 302
    assert TierLevel.objects.get(key="l1").display_name == "First"


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        (TRACKS, {"key__regex": "("}, 400),
        (TRACKS, {"program__id__exact": "x"}, 302),
        (TRACKS, {"q": "\0"}, 302),
        (f"{TRACKS}add/", {"program": "x", "key": "\0"}, 200),
        (f"{TRACKS}nothing/change/", {}, 302),
    ],
)
def test_hostile_addresses_are_answered(
    admin_client: Client, path: str, asked: dict[str, str], status: int
) -> None:
    assert admin_client.get(path, asked).status_code == status


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"levels-TOTAL_FORMS": "x"},
        {"levels-TOTAL_FORMS": "1", "levels-INITIAL_FORMS": "1", "levels-0-id": "abc"},
        {"levels-TOTAL_FORMS": "1", "levels-INITIAL_FORMS": "1", "levels-0-id": "\0"},
        {"levels-TOTAL_FORMS": "99999", "levels-INITIAL_FORMS": "0"},
        {"shown_version": "x"},
    ],
)
def test_a_post_that_no_page_sends_changes_nothing(
    admin_client: Client, track: TierTrack, posted: dict[str, str]
) -> None:
    response = admin_client.post(page_of(track), {"display_name": "Rank", **posted})

    assert response.status_code == 200
    assert TierTrack.objects.get().display_name == "Status"


@pytest.mark.parametrize(
    ("permissions", "seen", "saved"),
    [
        ([], 403, 403),
        (["view_tiertrack"], 200, 403),
        (["view_tiertrack", "change_tiertrack"], 200, 302),
    ],
)
def test_staff_need_the_permission(
    client: Client, track: TierTrack, permissions: list[str], seen: int, saved: int
) -> None:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)

    shown = client.get(page_of(track))
    posted = fields_of(client, track) if saved == 302 else {}
    response = client.post(page_of(track), {**posted, "display_name": ["Rank"]})

    assert [shown.status_code, response.status_code] == [seen, saved]
    assert (TierTrack.objects.get().display_name == "Rank") == (saved == 302)
    assert ("gold" in shown.content.decode()) == (seen == 200)
    assert "command:tests" not in shown.content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_two_pages_saved_at_once_the_second_is_told(
    admin_client: Client, track: TierTrack
) -> None:
    fields = fields_of(admin_client, track)
    names = [f"Name {number}" for number in range(6)]
    posts: list[Callable[[], Any]] = [
        partial(admin_client.post, page_of(track), fields | {"display_name": [n]}) for n in names
    ]

    responses = at_once(posts)

    assert sorted(response.status_code for response in responses) == [200] * 5 + [302]
    for response in responses:
        if response.status_code == 200:
            assert "Somebody else has changed this track" in response.content.decode()
    assert (TierTrack.objects.get().version, TierTrackVersion.objects.count()) == (2, 2)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_one_key_at_once_the_second_is_told(
    admin_client: Client, program: Program
) -> None:
    posted = {"program": str(program.pk), "key": "status", "display_name": "", **rows(GOLD)}

    responses = at_once([partial(admin_client.post, f"{TRACKS}add/", posted) for _ in range(6)])

    assert sorted(response.status_code for response in responses) == [200] * 5 + [302]
    for response in responses:
        if response.status_code == 200:
            assert "Another track of this program has this key." in response.content.decode()
    assert TierTrack.objects.count() == TierLevel.objects.count() == 1


def conditions(*rows: tuple[str, str, str], mode: str = "ALL") -> dict[str, list[str]]:
    """What the rows of the first level post."""
    columns = zip(*rows, strict=True) if rows else [(), (), ()]
    names = ("counter", "operator", "threshold")
    posted = {
        f"levels-0-qualification-{name}": list(column)
        for name, column in zip(names, columns, strict=True)
    }
    return {**posted, "levels-0-qualification-mode": [mode]}


def test_conditions_are_rows_and_empty_rows_do_not_count(
    admin_client: Client, program: Program
) -> None:
    posted = {"program": str(program.pk), "key": "status", **rows({"key": "gold", "rank": "1"})}
    typed = conditions(
        ("spent", ">=", "100.50"), ("", ">=", " "), (" visits", "<", "3"), mode="ANY"
    )

    response = admin_client.post(f"{TRACKS}add/", posted | typed)

    assert response.status_code == 302
    [level] = shown_levels(TierTrack.objects.get())
    assert level["qualification"] == {
        "mode": "ANY",
        "criteria": [
            {"counter": "spent", "operator": ">=", "threshold": "100.5"},
            {"counter": "visits", "operator": "<", "threshold": "3"},
        ],
    }


def test_a_condition_is_refused_at_its_row(admin_client: Client, program: Program) -> None:
    posted = {"program": str(program.pk), "key": "status", **rows({"key": "gold", "rank": "1"})}
    typed = conditions(("spent", ">=", "1"), ("", "", ""), ("visits", ">", "25,50"))

    response = admin_client.post(f"{TRACKS}add/", posted | typed)

    content = response.content.decode()
    assert "Condition 2, number: Write 25.50, with a point." in content
    first, second, *_ = content.split('class="criterion"')[1:]
    assert "errorlist" not in first
    assert 'value="25,50"' in second
    assert "Condition 2, number" in second
    assert not TierTrack.objects.exists()


@pytest.mark.parametrize(
    "stored",
    [
        {"mode": "ALL", "criteria": [{**SPENT, "note": "of last year"}]},
        {"mode": "MOST", "criteria": [SPENT]},
        {"mode": "ALL", "criteria": [{**SPENT, "threshold": 1}]},
        {"mode": "ALL", "criteria": "spent"},
        {"any": []},
        [SPENT],
    ],
)
def test_what_rows_cannot_show_stays_as_text(
    admin_client: Client, track: TierTrack, stored: Any
) -> None:
    TierLevel.objects.filter(key="gold").update(qualification=stored)

    fields = fields_of(admin_client, track)

    [text] = fields["levels-1-qualification"]
    assert json.loads(text) == stored
    assert "levels-1-qualification-mode" not in fields


def test_the_names_of_counters_are_offered(admin_client: Client, track: TierTrack) -> None:
    count = {"type": "COUNTER", "key": "spent", "value": "event.amount"}
    body = {"program_id": str(track.program_id), "name": "R", "condition": "true"}
    rulebook.create(rulebook.clean_new({**body, "actions": [count]}), by=TESTER)

    content = admin_client.get(page_of(track)).content.decode()

    assert '<option value="spent"></option>' in content
