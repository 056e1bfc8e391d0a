"""Working events off: their participants are locked, loaded, changed in memory and written, many in one transaction.

The lock is what gives order and what lets an event run once. A process that is killed leaves its events as they were.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar
from uuid import UUID

import psycopg
from django.db import OperationalError, connection, transaction

from participants.events import store
from participants.events.apply import Outcome, apply
from participants.events.store import Pending
from participants.events.subject import Subject
from participants.ledger import store as ledger_store
from participants.models import Participant
from participants.state import store as state_store
from programs.kernel.database import retried
from programs.rulebook import compiled

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

START = UUID(int=0)  # before every participant
BATCH = 500  # events in one transaction
# Seconds. What is left then is for another transaction, so that nobody is locked for long.
TAKE_FOR = 0.2
APART_FOR = 1.0  # for the participants of a batch that failed
MOST_COMPILED = 5  # times that rules may change under us


@dataclass(slots=True)
class Progress:
    """How many events were worked off, and after which participant to look next; START is after the last of them."""

    events: int = 0
    after: UUID = START
    claimed: list[UUID] = field(default_factory=list)


def work_off(*, most: int = BATCH) -> Iterator[int]:
    """Work off all that waits, batch by batch, until a round through all participants finds nothing that nobody else is at.

    Yields how many events each batch has worked off.
    """
    found = True
    while found:
        found = False
        for events in _round(most):
            found = found or events > 0
            yield events


def _round(most: int) -> Iterator[int]:
    progress = process_batch(START, most=most)
    yield progress.events
    while progress.after != START:
        progress = process_batch(progress.after, most=most)
        yield progress.events


def process_batch(after: UUID = START, *, most: int = BATCH) -> Progress:
    """Work off up to `most` events of participants whose ids come after this one, and whom nobody else works on.

    Safe to run any number of times at once, and to kill. An event that fails unexpectedly is put off and harms no other
    participant. Raises the database's errors where it is the database that fails.
    """
    progress = Progress()
    try:
        _process_together(after, most, progress)
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("A batch of events failed; its participants are done one by one.")
        _process_apart(progress, most)
    return progress


def _process_apart(progress: Progress, most: int) -> None:
    """The same participants, each in transactions of their own, and no more of each than it would have been together."""
    progress.events = 0
    share = max(store.RUN, most // max(1, len(progress.claimed)))
    until = time.monotonic() + APART_FOR
    for participant_id in progress.claimed:
        progress.events += _process_carefully(participant_id, share)
        if time.monotonic() > until:
            progress.after = participant_id
            break


def _with_rulebooks(verb: Callable[P, R]) -> Callable[P, R]:
    """Run the verb again where it needs rules that this process has not compiled: that may take seconds, under no lock."""

    @functools.wraps(verb)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(MOST_COMPILED):
            try:
                return verb(*args, **kwargs)
            except compiled.NotCompiled as needed:
                compiled.of(needed.program_ids)
        raise OperationalError("The rules of a program keep changing.")

    return wrapper


@_with_rulebooks
@retried
def _process_together(after: UUID, most: int, progress: Progress) -> None:
    with transaction.atomic():
        claim = store.claim(after, most)
        progress.claimed, progress.after = claim.locked, claim.last or START
        if claim.locked:
            # As many of each as come to a full batch together: one with thousands waiting keeps nobody from their turn.
            share = max(store.RUN, most // len(claim.locked))
            pending = store.load(claim.locked, share)
            progress.events, cut_at = _work_off(pending)
            had_a_turn = _participants_of(pending)
            if had_a_turn and len(had_a_turn) < len(claim.locked):
                cut_at = cut_at or had_a_turn[-1]  # large events have left no room for the others
            progress.after = cut_at or progress.after


def _process_carefully(participant_id: UUID, most: int) -> int:
    """The events of one of them together, or, where that fails, one by one, so that the one that fails is put off."""
    for verb in (_process_one, _process_each):
        try:
            return verb(participant_id, most)
        except Exception as error:
            if is_outage(error):
                raise
            logger.exception("Events of the participant %s failed.", participant_id)
    return 0  # one that cannot even be put off


def process_now(participant_id: UUID) -> int:
    """Work off the events of one participant that wait; how many were worked off, none where somebody else is at it.

    Raises whatever an event raises; it is left to the worker.
    """
    return _process_one(participant_id, BATCH)


def _process_each(participant_id: UUID, most: int = BATCH) -> int:
    """The same, each event in a transaction of its own: one that fails unexpectedly is put off, and those after it wait."""
    done = 0
    while done < most and _process_one(participant_id, 1, puts_off=True):
        done += 1
    return done


@_with_rulebooks
@retried
def _process_one(participant_id: UUID, most: int, *, puts_off: bool = False) -> int:
    with transaction.atomic():
        mine = Participant.objects.filter(pk=participant_id)
        if not list(mine.select_for_update(no_key=True, skip_locked=True).values_list("pk")):
            return 0
        pending = store.load([participant_id], most)
        try:
            with transaction.atomic(savepoint=puts_off):
                done, _ = _work_off(pending)
                if puts_off:
                    connection.check_constraints()  # what would only show at the commit shows now
                return done
        except Exception as error:
            if not puts_off or is_outage(error) or isinstance(error, compiled.NotCompiled):
                raise
            logger.exception("Event %s failed unexpectedly.", pending[0].id)
            return int(store.put_off(pending[0], error))


def _work_off(pending: Sequence[Pending]) -> tuple[int, UUID | None]:
    """Apply these events, whose participants are locked, and write down what they did.

    How many they were; and, where the time was over before everybody had a turn, the participant who had the last one.
    """
    if not pending:
        return 0, None
    participant_ids = _participants_of(pending)
    rulebooks = compiled.kept({event.program_id for event in pending})
    takes_deferred = any(book.takes_deferred for book in rulebooks.values())
    subjects = load_subjects(participant_ids, with_waiting=takes_deferred)
    outcomes: list[tuple[UUID, Outcome]] = []
    held_up: set[UUID] = set()
    until = time.monotonic() + TAKE_FOR
    cut_at = None
    for turn, event in enumerate(pending, start=1):
        subject = subjects[event.participant_id]
        if event.next_attempt_at is not None and event.next_attempt_at > subject.moment:
            held_up.add(event.participant_id)
        if event.participant_id not in held_up:
            outcome = apply(event.happening(), subject, rulebooks[event.program_id])
            outcomes.append((event.id, outcome))
        if time.monotonic() > until:
            cut_at = event.participant_id if turn < len(participant_ids) else None
            break
    if outcomes:
        _write(subjects, outcomes)
    return len(outcomes), cut_at


def _participants_of(pending: Sequence[Pending]) -> list[UUID]:
    """Whose events these are, in the order of their ids, as their first turns are."""
    return list({event.participant_id: None for event in pending})


def load_subjects(participant_ids: list[UUID], *, with_waiting: bool) -> dict[UUID, Subject]:
    """These participants as they are now, in memory; with the credits that mature later, where a rule takes from them."""
    books, moment = ledger_store.opened(participant_ids)
    ledger_store.load_amounts(books)
    if with_waiting:
        ledger_store.load_waiting(books)
    people = state_store.load(participant_ids, moment)
    return {
        book.participant_id: Subject(people[book.participant_id], book, moment) for book in books
    }


def _write(subjects: Mapping[UUID, Subject], outcomes: list[tuple[UUID, Outcome]]) -> None:
    moment = next(iter(subjects.values())).moment
    moved = [subject.book for subject in subjects.values() if subject.book.entries]
    # Before the people: it compares their `updated_at` with what it was.
    if moved and not ledger_store.write(moved):
        raise AssertionError("Nobody overtakes us under the lock.")
    state_store.write((subject.person for subject in subjects.values()), moment)
    store.finish(outcomes, moment)


# Classes of SQLSTATE that tell of the server and not of what it was asked: connections, rollbacks of a whole
# transaction, resources, an operator, the system.
_OUTAGES = ("08", "40", "53", "57", "58")
_CANCELED = "57014"  # a statement that took too long is of that class and is about the statement


def is_outage(error: BaseException) -> bool:
    """Whether it is the database that fails, and not the event."""
    cause = error.__cause__ if error.__cause__ is not None else error
    if not isinstance(cause, psycopg.Error):
        return False
    state = cause.sqlstate or ""
    lost = connection.connection is None or connection.connection.closed
    return lost or (state.startswith(_OUTAGES) and state != _CANCELED)
