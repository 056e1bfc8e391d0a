"""Processing of events: participants are locked, loaded, changed in memory and written, many in one transaction.

The lock gives the order and lets an event run only once. A process that is killed leaves its events as they were.
What an event does, and whether a failing rule fails all of it, is decided in `apply`.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection, transaction

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
Books = Mapping[UUID, Rulebook]

START = UUID(int=0)  # sorts before every participant
BATCH = 500  # events in one transaction
# Seconds after which a transaction starts no further event, so that nobody stays locked for long.
BATCH_SECONDS = 0.2
APART_SECONDS = 1.0  # for the participants of a batch that failed
COMPILE_SECONDS = 0.2  # between two batches; thousands of rules take several turns


@dataclass(slots=True)
class Progress:
    """How many events were processed, and after which participant to go on; START at the end of the queue.

    `unready` are programs whose rules are not compiled yet: their events wait, and nobody else's.
    """

    events: int = 0
    after: UUID = START
    claimed: list[UUID] = field(default_factory=list)
    unready: set[UUID] = field(default_factory=set)


def drain(*, most: int = BATCH) -> Iterator[int]:
    """Process batch by batch, until a full pass finds no unlocked participant with pending events.

    Yields how many events each batch has processed.
    """
    found = True
    while found:
        found = False
        for progress in _pass(most):
            found = found or progress.events > 0 or bool(progress.unready)
            yield progress.events


def _pass(most: int) -> Iterator[Progress]:
    progress = process_batch(START, most=most)
    yield progress
    while progress.after != START:
        progress = process_batch(progress.after, most=most)
        yield progress


def process_batch(after: UUID = START, *, most: int = BATCH) -> Progress:
    """Process up to `most` events of unlocked participants whose ids come after this one.

    Any number of these may run at a time, and may be killed. An event that fails unexpectedly is put off and harms no
    other participant. Raises only on an outage of the database.
    """
    return _with_rulebooks(lambda books: _process_batch(after, most, books))


def process_now(participant_id: UUID) -> int:
    """Process the pending events of one participant and return how many; 0 where somebody else has the lock, or where
    compiling the rules takes more than this call.

    Raises whatever an event raises; the event is left to the worker.
    """
    return _with_rulebooks(lambda books: _process_one(participant_id, BATCH, books)).events


def _with_rulebooks(process: Callable[[Books], Progress]) -> Progress:
    """Process what can be processed; then compile for a moment, without any lock, and process what waited for that."""
    progress = process({})
    if progress.unready:
        books = cache.prepare(progress.unready, until=time.monotonic() + COMPILE_SECONDS)
        if books:
            before, progress = progress, process(books)
            progress.events += before.events
    return progress


def _process_batch(after: UUID, most: int, books: Books) -> Progress:
    progress = Progress()
    try:
        _process_together(after, most, books, progress)
    except Exception as error:
        if is_transient(error):
            raise
        logger.exception("A batch of events failed; its participants are processed one by one.")
        _process_apart(most, books, progress)
    return progress


@retried
def _process_together(after: UUID, most: int, books: Books, progress: Progress) -> None:
    with transaction.atomic():
        claim = queue.claim(after, most)
        progress.claimed, progress.after = claim.locked, claim.last or START
        if claim.locked:
            # A full batch is shared out, so that somebody with thousands of pending events does not delay everybody else.
            share = max(queue.TURNS, most // len(claim.locked))
            pending = queue.load(claim.locked, share)
            progress.events, cut_at, progress.unready = _process(pending, books)
            loaded = _participants_of(pending)
            if loaded and len(loaded) < len(claim.locked):
                cut_at = cut_at or loaded[-1]  # large events have left no room for the others
            progress.after = cut_at or progress.after


def _process_apart(most: int, books: Books, progress: Progress) -> None:
    """Process each participant in their own transaction, with the share of events they had in the batch."""
    progress.events = 0
    share = max(queue.TURNS, most // max(1, len(progress.claimed)))
    until = time.monotonic() + APART_SECONDS
    for participant_id in progress.claimed:
        done = _process_carefully(participant_id, share, books)
        progress.events += done.events
        progress.unready |= done.unready
        if time.monotonic() > until:
            progress.after = participant_id
            break


def _process_carefully(participant_id: UUID, most: int, books: Books) -> Progress:
    """Process their events together or, where that fails, one by one, so that only the failing one is put off."""
    for verb in (_process_one, _process_each):
        try:
            return verb(participant_id, most, books)
        except Exception as error:
            if is_transient(error):
                raise
            logger.exception("Events of the participant %s failed.", participant_id)
    return Progress()  # the failing event could not even be put off


def _process_each(participant_id: UUID, most: int, books: Books) -> Progress:
    """Process each event in a transaction of its own: one that fails unexpectedly is put off, and the later ones wait."""
    progress = Progress()
    while progress.events < most:
        done = _process_one(participant_id, 1, books, puts_off=True)
        progress.events += done.events
        progress.unready |= done.unready
        if not done.events:
            break
    return progress


@retried
def _process_one(
    participant_id: UUID, most: int, books: Books, *, puts_off: bool = False
) -> Progress:
    with transaction.atomic():
        own = Participant.objects.filter(pk=participant_id)
        if not list(own.select_for_update(no_key=True, skip_locked=True).values_list("pk")):
            return Progress()
        pending = queue.load([participant_id], most)
        try:
            with transaction.atomic(savepoint=puts_off):
                done, _, unready = _process(pending, books)
                if puts_off:
                    connection.check_constraints()  # deferred ones would fail at the commit, too late to put off
                return Progress(done, unready=unready)
        except Exception as error:
            if not puts_off or is_transient(error):
                raise
            logger.exception("Event %s failed unexpectedly.", pending[0].id)
            return Progress(int(queue.put_off(pending[0], error)))


def _process(pending: Sequence[Pending], books: Books) -> tuple[int, UUID | None, set[UUID]]:
    """Apply these events, whose participants are locked, and write what they did.

    Returns how many events were applied; where time was up before every participant had a turn, who had the last one;
    and the programs whose rulebooks are not ready. An event of one of these waits, and so do the participant's later ones.
    """
    program_ids = {event.program_id for event in pending}
    rulebooks = cache.ready(program_ids, books) if pending else {}
    unready = program_ids - rulebooks.keys()
    if not rulebooks:
        return 0, None, unready
    participant_ids = _participants_of(pending)
    takes_deferred = any(book.takes_deferred for book in rulebooks.values())
    subjects = load_subjects(participant_ids, with_waiting=takes_deferred)
    outcomes: list[tuple[Pending, Outcome]] = []
    held_up: set[UUID] = (
        set()
    )  # participants whose first event waits for its retry, or for its rulebook
    until = time.monotonic() + BATCH_SECONDS
    cut_at = None
    for turn, event in enumerate(pending, start=1):
        subject = subjects[event.participant_id]
        is_put_off = event.next_attempt_at is not None and event.next_attempt_at > subject.moment
        if is_put_off or event.program_id in unready:
            held_up.add(event.participant_id)
        if event.participant_id not in held_up:
            outcomes.append((event, _outcome(event, subject, rulebooks[event.program_id])))
        if time.monotonic() > until:
            cut_at = event.participant_id if turn < len(participant_ids) else None
            break
    if outcomes:
        _write(subjects, outcomes)
    return len(outcomes), cut_at, unready


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
