"""Processing of events: participants are locked, loaded, changed in memory and written, many in one transaction.

The lock gives the order and lets an event run only once. A process that is killed leaves its events as they were.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.db import OperationalError, connection, transaction

from participants.events import queue
from participants.events.apply import apply, refuse
from participants.events.outcome import Outcome
from participants.events.queue import REFUSALS, Pending
from participants.events.subject import Subject
from participants.ledger import reading, writing
from participants.models import Participant
from participants.state import persons
from programs.kernel.database import is_transient, retried
from programs.rulebook import cache
from programs.rulebook.compiled import Rulebook

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

START = UUID(int=0)  # sorts before every participant
BATCH = 500  # events in one transaction
# Seconds after which a transaction starts no further event, so that nobody stays locked for long.
BATCH_SECONDS = 0.2
APART_SECONDS = 1.0  # for the participants of a batch that failed
MOST_COMPILED = 5  # attempts, while somebody keeps changing the rules


@dataclass(slots=True)
class Progress:
    """How many events were processed, and after which participant to go on; START at the end of the queue."""

    events: int = 0
    after: UUID = START
    claimed: list[UUID] = field(default_factory=list)


def drain(*, most: int = BATCH) -> Iterator[int]:
    """Process batch by batch, until a full pass finds no unlocked participant with pending events.

    Yields how many events each batch has processed.
    """
    found = True
    while found:
        found = False
        for events in _pass(most):
            found = found or events > 0
            yield events


def _pass(most: int) -> Iterator[int]:
    progress = process_batch(START, most=most)
    yield progress.events
    while progress.after != START:
        progress = process_batch(progress.after, most=most)
        yield progress.events


def process_batch(after: UUID = START, *, most: int = BATCH) -> Progress:
    """Process up to `most` events of unlocked participants whose ids come after this one.

    Any number of these may run at a time, and may be killed. An event that fails unexpectedly is put off and harms no
    other participant. Raises only on an outage of the database.
    """
    progress = Progress()
    try:
        _process_together(after, most, progress)
    except Exception as error:
        if is_transient(error):
            raise
        logger.exception("A batch of events failed; its participants are processed one by one.")
        _process_apart(progress, most)
    return progress


def _process_apart(progress: Progress, most: int) -> None:
    """Process each participant in their own transaction, with the share of events they had in the batch."""
    progress.events = 0
    share = max(queue.TURNS, most // max(1, len(progress.claimed)))
    until = time.monotonic() + APART_SECONDS
    for participant_id in progress.claimed:
        progress.events += _process_carefully(participant_id, share)
        if time.monotonic() > until:
            progress.after = participant_id
            break


def _with_rulebooks(verb: Callable[P, R]) -> Callable[P, R]:
    """Compile the rules that the verb turns out to need and run it again: compiling may take seconds, so not under a lock."""

    @functools.wraps(verb)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(MOST_COMPILED):
            try:
                return verb(*args, **kwargs)
            except cache.NotCompiled as needed:
                cache.current(needed.program_ids)
        raise OperationalError("The rules of a program keep changing.")

    return wrapper


@_with_rulebooks
@retried
def _process_together(after: UUID, most: int, progress: Progress) -> None:
    with transaction.atomic():
        claim = queue.claim(after, most)
        progress.claimed, progress.after = claim.locked, claim.last or START
        if claim.locked:
            # A full batch is shared out, so that somebody with thousands of pending events does not delay everybody else.
            share = max(queue.TURNS, most // len(claim.locked))
            pending = queue.load(claim.locked, share)
            progress.events, cut_at = _process(pending)
            loaded = _participants_of(pending)
            if loaded and len(loaded) < len(claim.locked):
                cut_at = cut_at or loaded[-1]  # large events have left no room for the others
            progress.after = cut_at or progress.after


def _process_carefully(participant_id: UUID, most: int) -> int:
    """Process their events together or, where that fails, one by one, so that only the failing one is put off."""
    for verb in (_process_one, _process_each):
        try:
            return verb(participant_id, most)
        except Exception as error:
            if is_transient(error):
                raise
            logger.exception("Events of the participant %s failed.", participant_id)
    return 0  # the failing event could not even be put off


def process_now(participant_id: UUID) -> int:
    """Process the pending events of one participant and return how many; 0 where somebody else has the lock.

    Raises whatever an event raises; the event is left to the worker.
    """
    return _process_one(participant_id, BATCH)


def _process_each(participant_id: UUID, most: int = BATCH) -> int:
    """Process each event in a transaction of its own: one that fails unexpectedly is put off, and the later ones wait."""
    done = 0
    while done < most and _process_one(participant_id, 1, puts_off=True):
        done += 1
    return done


@_with_rulebooks
@retried
def _process_one(participant_id: UUID, most: int, *, puts_off: bool = False) -> int:
    with transaction.atomic():
        own = Participant.objects.filter(pk=participant_id)
        if not list(own.select_for_update(no_key=True, skip_locked=True).values_list("pk")):
            return 0
        pending = queue.load([participant_id], most)
        try:
            with transaction.atomic(savepoint=puts_off):
                done, _ = _process(pending)
                if puts_off:
                    connection.check_constraints()  # deferred ones would fail at the commit, too late to put off
                return done
        except Exception as error:
            if not puts_off or is_transient(error) or isinstance(error, cache.NotCompiled):
                raise
            logger.exception("Event %s failed unexpectedly.", pending[0].id)
            return int(queue.put_off(pending[0], error))


def _process(pending: Sequence[Pending]) -> tuple[int, UUID | None]:
    """Apply these events, whose participants are locked, and write what they did.

    Returns how many events were applied and, where time was up before every participant had a turn, who had the last one.
    """
    if not pending:
        return 0, None
    participant_ids = _participants_of(pending)
    rulebooks = cache.cached({event.program_id for event in pending})
    takes_deferred = any(book.takes_deferred for book in rulebooks.values())
    subjects = load_subjects(participant_ids, with_waiting=takes_deferred)
    outcomes: list[tuple[Pending, Outcome]] = []
    held_up: set[UUID] = set()  # participants whose first event waits for its retry
    until = time.monotonic() + BATCH_SECONDS
    cut_at = None
    for turn, event in enumerate(pending, start=1):
        subject = subjects[event.participant_id]
        if event.next_attempt_at is not None and event.next_attempt_at > subject.moment:
            held_up.add(event.participant_id)
        if event.participant_id not in held_up:
            outcomes.append((event, _outcome(event, subject, rulebooks[event.program_id])))
        if time.monotonic() > until:
            cut_at = event.participant_id if turn < len(participant_ids) else None
            break
    if outcomes:
        _write(subjects, outcomes)
    return len(outcomes), cut_at


def _outcome(event: Pending, subject: Subject, rulebook: Rulebook) -> Outcome:
    if event.refused is None:
        return event.ended(apply(event.occurrence(), subject, rulebook))
    return event.ended(refuse(event.occurrence(), rulebook, REFUSALS[event.refused]()))


def _participants_of(pending: Sequence[Pending]) -> list[UUID]:
    """The participants of these events in the order of their first turns, which is that of their ids."""
    return list({event.participant_id: None for event in pending})


def load_subjects(participant_ids: list[UUID], *, with_waiting: bool) -> dict[UUID, Subject]:
    """Load these participants as they are now; with their deferred credits where a rule takes from them."""
    books, moment = reading.read(participant_ids)
    reading.load_amounts(books)
    if with_waiting:
        reading.load_maturities(books)
    loaded = persons.load(participant_ids, moment)
    return {
        book.participant_id: Subject(loaded[book.participant_id], book, moment) for book in books
    }


def _write(subjects: Mapping[UUID, Subject], outcomes: list[tuple[Pending, Outcome]]) -> None:
    moment = next(iter(subjects.values())).moment
    # Money before state: the ledger compares the participants' `updated_at`, which state changes.
    if not writing.write([subject.book for subject in subjects.values()]):
        raise AssertionError("Somebody changed these participants under our locks.")
    persons.write((subject.person for subject in subjects.values()), moment)
    queue.finish(outcomes, moment)
