"""Rules that only stricter checks refuse go on running, and are listed as needing attention."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from participants.events import chores
from programs import assets, rulebook, tracks
from programs.models import Asset, Program, Rule
from programs.rulebook.attention import changes_in, check_unchecked
from programs.rulebook.compiled import compile_rule
from programs.tracks import Level, NewTrack
from tests.conftest import TESTER
from tests.programs.rulebook.changes import changed, made

NAMING = 'participant.tiers.status.level == "gold"'


def stored(program: Program, **parts: Any) -> Rule:
    """A rule that an earlier version has stored."""
    return Rule.objects.create(
        program=program,
        **{"name": "Old", "condition": "true", "actions": [], "order": 10, "language": 1, **parts},
    )


def flag(rule: Rule) -> bool | None:
    return Rule.objects.get(pk=rule.pk).needs_attention


def mistake_in(condition: str) -> str:
    [mistake] = rulebook.findings_in(rulebook.clean_draft({"condition": condition})).errors
    return mistake.message


def report(*options: str) -> tuple[list[str], int]:
    written = io.StringIO()
    try:
        call_command("check_rules", *options, stdout=written, stderr=io.StringIO())
    except SystemExit as end:
        return written.getvalue().splitlines(), int(end.code or 0)
    return written.getvalue().splitlines(), 0


def test_a_rule_that_is_written_needs_none(program: Program) -> None:
    rule = made(program)

    assert (rule.needs_attention, rule.language) == (False, 2)


def test_the_database_marks_what_an_earlier_version_writes(program: Program) -> None:
    stored(program)
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO programs_rule (id, program_id, name, description, condition, actions, "order", stop_after_match, version, updated_at)'
            " SELECT gen_random_uuid(), program_id, name, '', condition, actions, 20, false, 1, now() FROM programs_rule"
        )

    rule = Rule.objects.get(order=20)
    assert (rule.needs_attention, rule.language) == (None, 1)


def test_a_worker_checks_what_nobody_has_checked(program: Program) -> None:
    right, wrong = stored(program), stored(program, condition=NAMING, order=20)
    archived = stored(program, condition="1 +", status="ARCHIVED", order=30)
    assert check_unchecked in chores.CHORES

    assert [*check_unchecked(by=TESTER)] == [3]

    assert [flag(rule) for rule in (right, wrong, archived)] == [False, True, True]
    assert [*check_unchecked(by=TESTER)] == []
    assert Rule.objects.get(pk=wrong.pk).version == 1


def test_it_goes_on_running(program: Program) -> None:
    rule = stored(program, condition=f"1 in participant.tags || {NAMING} || event.amount > 5")

    compiled = compile_rule(rule)

    assert compiled.broken == ""
    assert compiled.condition is not None
    facts = {
        "event": {"amount": 6},
        "participant": {"tags": [], "tiers": {"status": {"level": "", "rank": 0}}},
    }
    assert compiled.condition.decide(facts).matched


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"condition": "event.amount >"}, "Line 1, column 15"),
        ({"condition": "nothing.at.all"}, "There is no variable nothing"),
        ({"actions": [{"type": "COUNTER", "key": "k", "value": "1 +"}]}, "Line 1, column 4"),
        ({"actions": [{"type": "TELEPORT"}]}, "It cannot be read."),
        ({"actions": [{"type": "COUNTER", "key": "k", "value": "1", "reset_after": "soon"}]}, "It cannot be read."),
    ],
)  # fmt: skip
def test_one_that_does_not_compile_is_broken_alone(
    program: Program, parts: dict[str, Any], reason: str
) -> None:
    compiled = compile_rule(stored(program, **parts))

    assert compiled.condition is None
    assert compiled.actions == ()
    assert reason in compiled.broken
    assert [*check_unchecked()] == [1]
    assert Rule.objects.get().needs_attention is True


def test_the_mark_goes_when_the_program_gets_the_name(program: Program) -> None:
    of_track = stored(program, condition=NAMING)
    of_asset = stored(program, condition="participant.balances.PTS.held > 1", order=20)
    points: Asset = assets.create({"name": "Points", "symbol": "PTS"})
    [*check_unchecked()]

    levels = [Level("silver", 1, "", None, [])]
    track = tracks.create(program.pk, NewTrack("status", "", levels), by=TESTER)
    assert (flag(of_track), flag(of_asset)) == (True, True)
    levels.append(Level("gold", 2, "", None, []))
    tracks.change(track.pk, tracks.TrackChange(None, levels), by=TESTER)
    assets.link(points.pk, program.pk)

    assert (flag(of_track), flag(of_asset)) == (False, False)


def test_the_mark_goes_when_the_rule_is_put_right(program: Program) -> None:
    rule = stored(
        program, condition=NAMING, actions=[{"type": "COUNTER", "key": "k", "value": "1 +"}]
    )
    [*check_unchecked()]

    assert changed(rule, name="Other").needs_attention is True
    assert changed(rule, condition="true").needs_attention is True
    assert changed(rule, actions=[]).needs_attention is False
    assert rulebook.duplicate(rule.pk, by=TESTER).needs_attention is False


def test_lists_filter_by_it(api: APIClient, admin_client: Client, program: Program) -> None:
    made(program, name="Right")
    stored(program, name="Wrong", condition=NAMING, order=20)
    [*check_unchecked()]

    def names(query: str) -> list[str]:
        answer = api.get(f"/v1/rules?{query}").json()["data"]
        return [
            rule["name"] for rule in answer if rule["needs_attention"] is (query[-4:] == "true")
        ]

    assert names("needs_attention=true") == ["Wrong"]
    assert names("needs_attention=false") == ["Right"]
    page = admin_client.get("/admin/programs/rule/?needs_attention=yes").content.decode()
    assert "Wrong" in page
    assert "needs attention</span>" in page
    assert "Right" not in page
    of_rule = f"/admin/programs/rule/{Rule.objects.get(name='Wrong').pk}/change/"
    assert "This program has no tier track status." in admin_client.get(of_rule).content.decode()
    other = f"/admin/programs/rule/{Rule.objects.get(name='Right').pk}/change/"
    assert "needs attention" not in admin_client.get(other).content.decode()
    stored(program, actions=[{"type": "TELEPORT", "to": "x"}], order=30)
    assert api.get("/v1/rules").json()["data"][0]["actions"] == [{"to": "x", "type": "TELEPORT"}]
    assert admin_client.get("/admin/programs/rule/?needs_attention=no").status_code == 302


def test_the_command_lists_rules_with_what_and_where(program: Program) -> None:
    other = Program.objects.create(name="Another")
    made(program, name="Right", order=5)
    wrong = stored(program, name="Wrong", condition=f"true &&\n {NAMING}")
    broken = stored(other, name="Broken", condition="1 +")
    stored(program, name="Gone", condition="1 +", status="ARCHIVED")

    lines, code = report()

    assert code == 1
    assert lines == [
        f"Another: “Broken” v1 ({broken.pk}): condition: {mistake_in('1 +')}",
        f"Club: “Wrong” v1 ({wrong.pk}): condition: Line 2, column 2: This program has no tier track status.",
    ]  # fmt: skip
    assert report("--program", str(other.pk)) == (lines[:1], 1)
    rulebook.archive(wrong.pk, by=TESTER)
    assert report("--program", str(program.pk)) == ([], 0)
    with pytest.raises(CommandError, match="no program with this id"):
        report("--program", str(wrong.pk))


def test_the_command_puts_a_stale_mark_right(program: Program) -> None:
    rule = stored(program, condition=NAMING, needs_attention=False)

    report()

    assert flag(rule) is True


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"condition": "size(event.items) / 4 > 1"}, "Dividing two whole numbers dropped the remainder. Now it keeps it."),
        ({"condition": 'type(event.x) == int'}, "Whole numbers and decimals were two types. Now every number is a double."),
        ({"actions": [{"type": "COUNTER", "key": "k", "value": "15 / 2"}]}, "Dividing two whole numbers"),
        ({"condition": "participant.counters.visits < 3"}, "participant.counters.visits is 0 now where nobody has counted; before, the rule was skipped."),
        ({"condition": 'participant.counters["visits"] == 0'}, 'participant.counters["visits"] is 0 now'),
    ],
)  # fmt: skip
def test_the_command_lists_what_says_something_else(
    program: Program, parts: dict[str, Any], words: str
) -> None:
    rule = stored(program, **parts)

    [line], code = report()

    assert (code, words in line) == (1, True)
    assert flag(rule) is False  # it is valid
    changed(rule, name="Other")
    assert report()[1] == 1
    part, text = next((name, value) for name, value in parts.items())
    text = f"{text} " if part == "condition" else [*text, {"type": "TAG", "tag": "x"}]
    changed(rule, **{part: text})
    assert report() == ([], 0)


@pytest.mark.parametrize(
    "condition",
    ["event.amount * 15 / 100 > 1", "get(participant.counters, 'k', 0) > 1", "has(participant.counters.k) && participant.counters.k < 3", "'k' in participant.counters"],
)  # fmt: skip
def test_what_says_the_same_is_not_listed(program: Program, condition: str) -> None:
    assert changes_in(stored(program, condition=condition)) == []


def test_a_rule_is_as_it_was_written_until_all_that_changed_is_written_again(
    program: Program,
) -> None:
    halves = [{"type": "COUNTER", "key": "k", "value": "15 / 2"}]
    rule = stored(program, condition="size(event.items) / 4 > 1", actions=halves)

    assert changed(rule, condition="event.ok").language == 1
    assert rulebook.duplicate(rule.pk, by=TESTER).language == 1
    assert changed(rule, actions=[]).language == 2
