"""Replay: a program's last events under its rules of now and under draft rules. Nothing is stored but the report.

Both begin with empty balances and counters, and with the status, tags, attributes and levels of now. The events of a
participant come in their order, one participant after the other.
"""

import csv
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import User

from participants.events.apply import Occurrence, apply
from participants.events.process import load_subjects
from participants.events.subject import Subject
from participants.jobs import kept, tally, verbs
from participants.jobs.kind import Kind, Step
from participants.models import Event, Job
from programs import rulebook
from programs.exceptions import ProgramNotFound, RuleNotFound
from programs.kernel import exact_json, instants
from programs.kernel.actors import Actor
from programs.kernel.database import Statement, run, uuid7
from programs.kernel.spreadsheets import plain
from programs.models import Program, Rule, RuleStatus
from programs.models.rules import MAX_ORDER
from programs.rulebook import cache
from programs.rulebook.checks import CHECKED, review
from programs.rulebook.compiled import CompiledRule, Rulebook, compile_rule
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames

MOST_EVENTS: Final = 10_000
STEP_SECONDS: Final = 1.0
DIFFERENCES: Final = "differences.csv"
_LOADED = 500  # events at once
_MOST_BYTES = 4_000_000  # of them
_HEADS = ["event_id", "external_id", "event_timestamp", "current", "draft"]

# The program's events between two of them, by participant, after one of these. An index finds them by their arrival; what
# is sorted are numbers, and only what is returned is read whole.
_FOLLOWING = Statement(
    f"""
WITH input (program_id, first_at, first_id, last_at, last_id, participant_id, sequence) AS (
    SELECT $1::uuid, $2::timestamptz, $3::uuid, $4::timestamptz, $5::uuid, $6::uuid, $7::bigint
),
following AS MATERIALIZED (
    SELECT event.id, event.participant_id, event.sequence, pg_column_size(event.data) AS bytes
    FROM participants_event AS event, input
    WHERE event.program_id = input.program_id
        AND (event.created_at, event.id) >= (input.first_at, input.first_id)
        AND (event.created_at, event.id) <= (input.last_at, input.last_id)
        AND (event.participant_id, event.sequence) > (input.participant_id, input.sequence)
    ORDER BY event.participant_id, event.sequence
    LIMIT {_LOADED}
),
sized AS (
    SELECT *, sum(bytes) OVER (ORDER BY participant_id, sequence) - bytes AS bytes_before FROM following
)
SELECT event.participant_id, event.sequence, event.id, event.event_timestamp, event.data::text
FROM sized JOIN participants_event AS event ON event.participant_id = sized.participant_id AND event.id = sized.id
WHERE sized.bytes_before < {_MOST_BYTES}
ORDER BY event.participant_id, event.sequence
""",
    keeps_plan=False,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule as it would be: `values` is what the body of the API that changes it would say.

    Without a `rule_id` it is a new one, and `values` say all of it.
    """

    values: Mapping[str, Any]
    rule_id: UUID | None = None


def request(
    program: Program,
    drafts: Sequence[Draft],
    *,
    title: str,
    by: Actor,
    user: User | None,
    events: int = MOST_EVENTS,
    order: Sequence[UUID] = (),
) -> Job:
    """Ask for a replay. An `order` names the program's rules as they would run; those that it leaves out come last.

    Raises RuleNotFound, and ValidationFailed for a draft that the program cannot have.
    """
    stored = [
        {
            "rule_id": str(draft.rule_id or uuid7()),
            "is_new": draft.rule_id is None,
            "values": dict(draft.values),
        }
        for draft in drafts
    ]
    _check(program.pk, stored)
    parameters = {
        "drafts": stored,
        "order": [str(rule_id) for rule_id in order],
        "events": min(max(events, 1), MOST_EVENTS),
    }
    return verbs.request(REPLAY, title, parameters, by=by, user=user, program_id=program.pk)


def step(job: Job) -> Step:
    """Replay events for about a second, and at least one."""
    assert job.program_id is not None
    drafts = job.parameters["drafts"]
    current = cache.current([job.program_id]).get(job.program_id)
    if current is None:
        raise ProgramNotFound
    books = (current, _drafted(current, drafts, job.parameters["order"]))
    state = job.state
    # Rules that were changed meanwhile are replayed from the first event on: a report is about one set of rules.
    if state is None or state["revision"] != str(current.revision):
        state = _begun(job, current)
    lines: list[list[str]] = []
    until = time.monotonic() + STEP_SECONDS  # compiling the rules not counted
    is_over = not state["total"] or _go_on(job, state, books, until, lines)
    files = {DIFFERENCES: _csv(lines, with_heads=not state["has_file"])} if lines else {}
    state["has_file"] = state["has_file"] or bool(lines)
    done = state["total"] if is_over else min(state["done"], state["total"])
    if not is_over:
        return Step(done, state["total"], state, files=files)
    report = tally.report(state["tally"], books, (draft["rule_id"] for draft in drafts))
    return Step(done, state["total"], report={"events": state["done"], **report}, files=files)


def _check(program_id: UUID, drafts: Sequence[Mapping[str, Any]]) -> None:
    names, found = ProgramNames(program_id), Findings()
    for draft in drafts:
        rule = _rule(program_id, draft)
        touched = {name: getattr(rule, name) for name in CHECKED if name in draft["values"]}
        review(names, found, **touched)
    found.errors.raise_if_any()


def _rule(program_id: UUID, draft: Mapping[str, Any]) -> Rule:
    """The rule that the draft describes; nothing is stored."""
    pk = UUID(draft["rule_id"])
    if draft["is_new"]:
        rule: Rule | None = Rule(
            pk=pk, program_id=program_id, name="Draft", actions=[], order=MAX_ORDER
        )
    else:
        rule = Rule.objects.current().filter(pk=pk, program=program_id).first()
    if rule is None:
        raise RuleNotFound
    for name, value in rulebook.clean_change(draft["values"]).items():
        setattr(rule, name, value)
    return rule


def _drafted(
    current: Rulebook, drafts: Sequence[Mapping[str, Any]], order: Sequence[str]
) -> Rulebook:
    rules = {rule.id: rule for rule in current.rules}
    stored = Rule.objects.current().filter(program=current.program_id)
    orders = dict(stored.values_list("pk", "order"))
    for draft in drafts:
        pk, values = UUID(draft["rule_id"]), draft["values"]
        if values.keys() == {"status"} and pk in rules:
            # Thousands of rules may be switched, and none needs to be compiled for it.
            rules[pk] = replace(rules[pk], is_active=values["status"] == RuleStatus.ACTIVE)
        else:
            rule = _rule(current.program_id, draft)
            rules[pk], orders[pk] = compile_rule(rule), rule.order
    places = {UUID(pk): place for place, pk in enumerate(order)}

    def place(rule: CompiledRule) -> tuple[int, int, UUID]:
        return places.get(rule.id, len(places)), orders.get(rule.id, MAX_ORDER), rule.id

    return replace(current, rules=tuple(sorted(rules.values(), key=place)))


def _begun(job: Job, current: Rulebook) -> dict[str, Any]:
    job.parts.all().delete()  # of an earlier beginning
    newest = Event.objects.filter(program=job.program_id).order_by("-created_at", "-id")
    rows = newest.values_list("created_at", "id")[: job.parameters["events"]]
    arrived = list(rows)
    ends = [] if not arrived else [*arrived[-1], *arrived[0]]
    return {
        "revision": str(current.revision),
        "ends": [
            instants.written(each) if isinstance(each, datetime) else str(each) for each in ends
        ],
        "after": [str(UUID(int=0)), 0],
        "kept": None,
        "has_file": False,
        "done": 0,
        "total": len(arrived),
        "tally": tally.empty(),
    }


def _go_on(
    job: Job,
    state: dict[str, Any],
    books: tuple[Rulebook, Rulebook],
    until: float,
    lines: list[list[str]],
) -> bool:
    """Replay until time is up, and return whether all events have been replayed."""
    whose, sequence = UUID(state["after"][0]), int(state["after"][1])
    pair: list[Subject] = []
    is_over = False
    while not is_over:
        rows = run(_FOLLOWING, [job.program_id, *state["ends"], whose, sequence], at=())
        is_over = not rows
        loaded = load_subjects(list({row[0]: None for row in rows}), with_waiting=False)
        for subject in loaded.values():
            subject.moment = job.created_at  # the same in each step
        if not pair and state["kept"] and whose in loaded:
            pair = [kept.restored(each, loaded[whose]) for each in state["kept"]]
        for participant_id, number, event_id, timestamp, data in rows:
            if participant_id != whose or not pair:
                whose = participant_id
                pair = [kept.emptied(loaded[whose]), kept.emptied(loaded[whose])]
                state["tally"]["participants"] += 1
            occurrence = Occurrence(None, timestamp, exact_json.loads_stored(data))
            line = _replay(occurrence, event_id, pair, books, state["tally"])
            lines += [line] if line else []
            sequence = number
            state["done"] += 1
            if time.monotonic() >= until:
                break
        if time.monotonic() >= until:
            break
    state["after"] = [str(whose), sequence]
    state["kept"] = None if is_over else [kept.stored(each) for each in pair]
    return is_over


def _replay(
    occurrence: Occurrence,
    event_id: UUID,
    pair: Sequence[Subject],
    books: tuple[Rulebook, Rulebook],
    sums: dict[str, Any],
) -> list[str] | None:
    """Apply the event to both, and return a line of the file where that makes a difference."""
    current, draft = (
        apply(occurrence, subject, book) for subject, book in zip(pair, books, strict=True)
    )
    for subject in pair:
        kept.forget_history(subject)
    person = pair[0].person
    about = {
        "event_id": str(event_id),
        "participant_id": str(person.id),
        "external_id": person.external_id,
        "event_timestamp": instants.written(occurrence.event_timestamp),
    }
    if not tally.add(sums, about, current, draft):
        return None
    symbols = {str(asset.id): asset.symbol for asset in books[0].assets.values()}
    sides = (tally.in_short(result, symbols) for result in (current, draft))
    return [about["event_id"], person.external_id, about["event_timestamp"], *sides]


def _csv(lines: Sequence[Sequence[str]], *, with_heads: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    if with_heads:
        writer.writerow(_HEADS)
    writer.writerows([plain(cell) for cell in line] for line in lines)
    return text.getvalue().encode()


REPLAY: Final = Kind(
    "replay",
    "Replay",
    # A condition can read all of a participant, and an example shows what an event did.
    (
        "programs.view_program",
        "programs.view_rule",
        "participants.view_event",
        "participants.view_participant",
        "participants.view_counter",
        "participants.view_tierstanding",
        "participants.view_balance",
        "participants.view_enrollment",
    ),
    step,
)
