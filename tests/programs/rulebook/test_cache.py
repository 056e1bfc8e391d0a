"""Compiled rulebooks: kept, brought up to date rule by rule, and bounded."""

import gc
import math
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest

from programs import assets, programs, rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.models import Program, Rule
from programs.rulebook import attention, cache, expressions, vocabulary
from programs.rulebook.checks import review_rule
from programs.rulebook.compiled import Rulebook, compile_rule
from tests.conftest import TESTER
from tests.programs.rulebook.changes import changed, made

COUNT = {"type": "COUNTER", "key": "n", "value": "event.n * 2"}
LONG_AGO = -math.inf


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    cache._shelves.clear()
    monkeypatch.setattr(expressions, "_constants", {})


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the rules that were compiled."""
    names: list[str] = []

    def note(rule: Rule) -> Any:
        names.append(rule.name)
        return compile_rule(rule)

    monkeypatch.setattr(cache, "compile_rule", note)
    return names


def book_of(program: Program) -> Rulebook:
    return cache.current([program.pk])[program.pk]


def described(book: Rulebook) -> Any:
    rules = [
        (rule.id, rule.version, rule.name, rule.condition and rule.condition.source, rule.is_active)
        for rule in book.rules
    ]
    return rules, book.tracks, book.assets, book.facts, book.revision


EDITS: dict[str, tuple[Callable[[Program, list[Rule]], Any], int]] = {
    "nothing": (lambda program, rules: None, 0),
    "a condition": (lambda program, rules: changed(rules[1], condition="event.a == 7"), 1),
    "actions": (lambda program, rules: changed(rules[1], actions=[COUNT]), 1),
    "a name": (lambda program, rules: changed(rules[1], name="New"), 1),
    "an order": (lambda program, rules: changed(rules[1], order=500), 1),
    "a window": (lambda program, rules: changed(rules[1], active_to="2030-01-01T00:00:00Z"), 1),
    "a stop": (lambda program, rules: changed(rules[1], stop_after_match=True), 1),
    "suspended": (lambda program, rules: changed(rules[1], status="SUSPENDED"), 1),
    "archived": (lambda program, rules: rulebook.archive(rules[1].pk, by=TESTER), 0),
    "archived and back": (
        lambda program, rules: (
            rulebook.archive(rules[1].pk, by=TESTER),
            changed(rules[1], status="ACTIVE"),
        ),
        1,
    ),
    "created": (lambda program, rules: made(program, name="Another"), 1),
    "duplicated": (lambda program, rules: rulebook.duplicate(rules[1].pk, by=TESTER), 1),
    "reordered": (
        lambda program, rules: rulebook.reorder(
            program.pk, [rule.pk for rule in reversed(rules)], by=TESTER
        ),
        3,
    ),
    "a track": (
        lambda program, rules: tracks.create(
            program.pk, NewTierTrackSerializer.read({"key": "status"}), by=TESTER
        ),
        0,
    ),
    "an asset": (
        lambda program, rules: assets.create(
            {"name": "P", "symbol": "P"}, program_ids=[program.pk]
        ),
        0,
    ),
    "a program's name": (
        lambda program, rules: programs.change(program.pk, {"name": "New"}, by=TESTER),
        0,
    ),
    "a time zone": (
        lambda program, rules: programs.change(
            program.pk, {"time_zone": "Europe/Berlin"}, by=TESTER
        ),
        0,
    ),
    "two rules": (
        lambda program, rules: [changed(rule, name=f"{rule.name}!") for rule in rules[:2]],
        2,
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_only_what_was_edited_is_compiled_and_the_rulebook_is_as_a_new_one(
    name: str, program: Program, compiled: list[str]
) -> None:
    edit, most = EDITS[name]
    rules = [made(program, name=f"R{n}", condition=f"event.a == {n}") for n in range(4)]
    book_of(program)
    assert compiled == ["R0", "R1", "R2", "R3"]
    compiled.clear()

    edit(program, rules)
    book = book_of(program)

    assert len(compiled) == most
    cache._shelves.clear()
    assert described(book) == described(book_of(program))


def test_a_text_that_is_in_use_is_not_compiled_again(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [made(program, condition=f"event.a == {n}", actions=[COUNT]) for n in range(4)]
    book_of(program)
    compile = Mock(wraps=vocabulary.compile)  # noqa: A001
    monkeypatch.setattr(vocabulary, "compile", compile)

    rulebook.reorder(program.pk, [rule.pk for rule in reversed(rules)], by=TESTER)
    compile.reset_mock()
    book_of(program)

    assert compile.call_count == 0


def test_rules_are_compiled_in_turns_until_all_are(program: Program, compiled: list[str]) -> None:
    for n in range(5):
        made(program, name=f"R{n}")

    turns = 0
    while not cache.prepare([program.pk], until=LONG_AGO):
        turns += 1
        assert len(compiled) == turns
        assert cache.ready([program.pk]) == {}

    assert turns == 5
    assert len(cache.ready([program.pk])[program.pk].rules) == 5


def test_an_edit_between_two_turns_loses_nothing(program: Program, compiled: list[str]) -> None:
    rules = [made(program, name=f"R{n}") for n in range(5)]
    for _ in range(3):
        cache.prepare([program.pk], until=LONG_AGO)

    changed(rules[0], name="New")
    while not cache.prepare([program.pk], until=LONG_AGO):
        pass

    assert len(compiled) == 6
    assert [rule.name for rule in book_of(program).rules] == ["New", "R1", "R2", "R3", "R4"]


def test_a_rulebook_shows_its_program_at_one_moment(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rule is switched off and then the second on, while they are read: never are both on."""
    monkeypatch.setattr(cache, "_AT_ONCE", 1)
    first = made(program, name="First", order=1)
    second = made(program, name="Second", order=2, status="SUSPENDED")
    edits = [
        lambda: changed(first, status="SUSPENDED"),
        lambda: changed(second, status="ACTIVE"),
    ]

    def compile_and_edit(rule: Rule) -> Any:
        compiled_rule = compile_rule(rule)
        while edits:
            edits.pop(0)()
        return compiled_rule

    monkeypatch.setattr(cache, "compile_rule", compile_and_edit)

    assert [rule.is_active for rule in book_of(program).rules] == [False, True]


@pytest.mark.parametrize(
    ("age", "is_edited", "is_ready"),
    [
        (0, False, True),
        (0, True, True),
        (0.9, True, True),
        (1.1, True, False),
        (60, True, False),
        (60, False, True),
    ],
)
def test_a_rulebook_that_was_edited_meanwhile_is_used_for_a_second(
    age: float, is_edited: bool, is_ready: bool, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = made(program)
    prepared = cache.prepare([program.pk], until=math.inf)
    if is_edited:
        changed(rule, name="New")
    read_at = prepared[program.pk].read_at
    monkeypatch.setattr(time, "monotonic", lambda: read_at + age)

    assert (program.pk in cache.ready([program.pk], prepared)) == is_ready
    # It is used by whoever has just prepared it: others see at once that it is no longer current.
    assert (program.pk in cache.ready([program.pk])) == (not is_edited)


def test_the_cache_is_bounded_by_bytes_and_keeps_what_was_used_last(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    all_of_them = [Program.objects.create(name=f"P{n}") for n in range(6)]
    for each in all_of_them:
        made(each)
    size = sum(rule.size for rule in book_of(all_of_them[0]).rules)
    monkeypatch.setattr(cache, "MAX_BYTES", 3 * size)

    for each in all_of_them[:4]:
        book_of(each)
    book_of(all_of_them[1])
    book_of(all_of_them[5])

    assert list(cache._shelves) == [all_of_them[n].pk for n in (3, 1, 5)]


def test_a_program_that_is_larger_than_the_cache_is_kept_alone(
    program: Program, monkeypatch: pytest.MonkeyPatch, compiled: list[str]
) -> None:
    made(program)
    monkeypatch.setattr(cache, "MAX_BYTES", 1)

    book_of(program)
    book_of(program)

    assert len(compiled) == 1


TEXTS: dict[str, Callable[[int], str]] = {
    "short": lambda n: f"event.a{n}",
    "usual": lambda n: f'event.kind == "k{n}" && event.amount > {n}',
    "calls": lambda n: f"event.items.filter(x, x.price > {n}).map(x, x.price * 2).size() > 3",
    "many parts": lambda n: " && ".join(f"event.f{n}_{i} > {i}" for i in range(150)),
    "operators": lambda n: "+".join(["1"] * 2000) + f" + {n} > 0",
    "one long text": lambda n: f'event.x == "{"a" * 3900}{n}"',
    "a list": lambda n: f"event.x in [{', '.join(map(str, range(n, n + 500)))}]",
    "a path": lambda n: "event" + ".a" * 1000 + f".b{n} == 1",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_rule_takes_no_more_memory_than_is_estimated(name: str) -> None:
    expressions.compiled(TEXTS[name](100), "bool" if name != "short" else None)
    gc.collect()
    tracemalloc.start()
    rules = [compile_rule(Rule(name="R", condition=TEXTS[name](n), actions=[])) for n in range(3)]
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held <= sum(rule.size for rule in rules)


def validate(text: str) -> None:
    rulebook.clean_change({"condition": text, "actions": [{**COUNT, "value": "1 + 1"}]})


def try_out(text: str, program: Program) -> None:
    compile_rule(Rule(program=program, name="Draft", condition=text, actions=[COUNT]))


def review(text: str, program: Program) -> None:
    rule = Rule(program=program, name="Draft", order=3, condition=text, actions=[COUNT])
    rule.stop_after_match = True
    review_rule(rule, ("condition", "actions"))
    attention.changes_in(rule)


@pytest.mark.parametrize("door", ["validate", "try out", "review"])
def test_drafts_leave_nothing_behind(door: str, program: Program) -> None:
    doors: dict[str, Callable[[str], None]] = {
        "validate": validate,
        "try out": partial(try_out, program=program),
        "review": partial(review, program=program),
    }
    gc.collect()
    before = len(expressions._compiled)
    for n in range(30):
        doors[door](f"event.kind == 'k{n}'")

    gc.collect()
    assert len(expressions._compiled) <= before
