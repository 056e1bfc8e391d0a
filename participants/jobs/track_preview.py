"""What a change of a tier track would do: how many would rise, and how many stand above what their counters reach.

Saving a track moves nobody. Who reaches a higher level than they have earned rises with their next event, and nobody falls,
but from a level that the track no longer has.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models.functions import Now

from participants.causes import Cause
from participants.jobs import verbs
from participants.jobs.kind import Kind, Step
from participants.models import Enrollment, Job
from participants.models.participants import EnrollmentQuerySet
from participants.state import persons
from participants.state.person import Person
from participants.state.standing import stands_on
from programs.kernel.actors import Actor, ActorKind
from programs.kernel.database import uuid7
from programs.models import Program, TierTrack
from programs.rulebook.compiled import CompiledTrack, compile_level, compile_track
from programs.tracks import Level

ANSWERED_AT_ONCE: Final = 2_000  # people; more would take longer than a page may
_LOADED: Final = 1_000  # people at once
_AT_A_STEP: Final = 5  # times that
_BEFORE_ALL: Final = UUID(int=0)
_CAUSE: Final = Cause(Actor(ActorKind.COMMAND, "preview"))


def answer(program: Program, track: TierTrack | None, levels: Sequence[Level]) -> Any:
    """The report at once, or None where more than ANSWERED_AT_ONCE people take part in the program."""
    # Counting further than that would be work of its own.
    if _people(program.pk)[: ANSWERED_AT_ONCE + 1].count() > ANSWERED_AT_ONCE:
        return None
    preview = _Preview(program.pk, track.pk if track else None, list(map(asdict, levels)))
    state = _empty()
    while preview.go_on(state):
        pass
    return preview.report(state)


def request(
    program: Program,
    track: TierTrack | None,
    levels: Sequence[Level],
    *,
    title: str,
    by: Actor,
    user: User | None,
) -> Job:
    """Ask for the report as a job."""
    parameters = {
        "track_id": str(track.pk) if track else None,
        "levels": list(map(asdict, levels)),
    }
    return verbs.request(TRACK_PREVIEW, title, parameters, by=by, user=user, program_id=program.pk)


def step(job: Job) -> Step:
    """Look at some thousand people."""
    assert job.program_id is not None
    track_id = job.parameters["track_id"]
    preview = _Preview(
        job.program_id, UUID(track_id) if track_id else None, job.parameters["levels"]
    )
    state = job.state or {**_empty(), "total": _people(job.program_id).count()}
    for _ in range(_AT_A_STEP):
        if not preview.go_on(state):
            return Step(state["people"], state["people"], report=preview.report(state))
    return Step(state["people"], max(state["total"], state["people"]), state)


class _Preview:
    """A track as it would be, beside the stored one if there is one."""

    def __init__(
        self, program_id: UUID, track_id: UUID | None, levels: Sequence[dict[str, Any]]
    ) -> None:
        self.program_id = program_id
        self.levels = levels
        highest_first = sorted(levels, key=lambda level: -int(level["rank"]))
        compiled = [
            compile_level(level["key"], int(level["rank"]), level["qualification"] or {})
            for level in highest_first
        ]
        self.draft = CompiledTrack(track_id or uuid7(), "", 0, program_id, tuple(compiled))
        stored = TierTrack.objects.with_levels().filter(pk=track_id).first() if track_id else None
        self.stored = compile_track(stored) if stored else None

    def go_on(self, state: dict[str, Any]) -> bool:
        """Add the next people, and return whether there were any."""
        following = _people(self.program_id).filter(participant__gt=state["after"])
        ids = following.order_by("participant").values_list("participant", flat=True)
        found = list(ids[:_LOADED])
        if not found:
            return False
        moment = Program.objects.values_list(Now(), flat=True).get(pk=self.program_id)
        for person in persons.load(found, moment).values():
            self._add(state, person, moment)
        state["after"] = str(found[-1])
        return True

    def _add(self, state: dict[str, Any], person: Person, moment: datetime) -> None:
        draft = self.draft
        held = person.standings.get(draft.id)
        was = stands_on(held, self.stored, moment) if self.stored else None
        stands = stands_on(held, draft, moment)
        reached = draft.qualified(person.counters_at(moment))
        earned = draft.level(held.earned) if held else None
        state["people"] += 1
        state["lose"] += was is not None and draft.level(was.key) is None
        state["above"] += stands is not None and (reached is None or stands.rank > reached.rank)
        if reached and (earned is None or reached.rank > earned.rank):
            person.raise_earned(draft, reached.key, at=moment, cause=_CAUSE)
            would = stands_on(person.standings.get(draft.id), draft, moment)
            rises = would is not None and (stands is None or would.rank > stands.rank)
            state["rise" if rises else "covered"] += 1
            stands = would
        key = stands.key if stands else ""
        state["levels"][key] = state["levels"].get(key, 0) + 1

    def report(self, state: dict[str, Any]) -> dict[str, Any]:
        shown = [("", "Base"), *((each["key"], each["display_name"]) for each in self.levels)]
        sums = {name: state[name] for name in ("people", "rise", "above", "lose", "covered")}
        levels = [
            {"key": key, "name": name or key, "people": state["levels"].get(key, 0)}
            for key, name in shown
        ]
        return {**sums, "levels": levels}


def _empty() -> dict[str, Any]:
    counts = dict.fromkeys(("people", "rise", "above", "lose", "covered"), 0)
    return {**counts, "levels": {}, "after": str(_BEFORE_ALL)}


def _people(program_id: UUID) -> EnrollmentQuerySet:
    return Enrollment.objects.active().filter(program=program_id)


TRACK_PREVIEW: Final = Kind(
    "track_preview",
    "Preview of a track",
    (
        "programs.view_tiertrack",
        "participants.view_participant",
        "participants.view_counter",
        "participants.view_tierstanding",
        "participants.view_enrollment",
    ),
    step,
)
