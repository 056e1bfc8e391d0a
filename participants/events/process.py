"""Processing of events: participants are locked, loaded, changed in memory and written, many in one transaction.

The lock gives the order and lets an event run only once. A process that is killed leaves its events as they were.
What an event does, and whether a failing rule fails all of it, is decided in `apply`.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection, transaction

from participants.events import queue
from participants.events.apply import apply, refuse
from participants.events.outcome import Outcome
from participants.events.queue import REFUSALS, Claim, Pending
from participants.events.subject import Subject
from participants.events.turns import Round, Turns
from participants.ledger import reading, writing
from participants.models import Participant
from participants.state import persons
from programs.kernel.database import is_transient, retried
from programs.rulebook import cache
from programs.rulebook.compiled import Rulebook

logger = logging.getLogger(__name__)
Books = Mapping[UUID, Rulebook]

BATCH = 500  # events in one transaction
# Seconds after which a transaction starts no further event, so that nobody stays locked for long.
BATCH_SECONDS = 0.2
DEAR_SECONDS = 0.05  # for one event; nobody else's outcome waits in a transaction for another one of that program
APART_SECONDS = 1.0  # for the participants of a batch that failed
COMPILE_SECONDS = 0.2  # between two batches; thousands of rules take several turns


@dataclass(slots=True)
class Done:
    """What was done: how many events were processed, of whom, and how many seconds that took for each program.

    `seen` are the participants who had their turn, which others of the batch may not have had, for want of time or room.
    `unready` are programs whose rules are not compiled yet: their events wait, and nobody else's.
    """

    events: int = 0
    processed: set[UUID] = field(default_factory=set)
    seen: set[UUID] = field(default_factory=set)
    unready: set[UUID] = field(default_factory=set)
    dear: set[UUID] = field(default_factory=set)  # programs of which an event took long
    seconds: defaultdict[UUID, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, more: "Done") -> None:
        self.events += more.events
        self.processed |= more.processed
        self.seen |= more.seen
        self.unready |= more.unready
        self.dear |= more.dear
        for program_id, seconds in more.seconds.items():
            self.seconds[program_id] += seconds


@dataclass(slots=True)
class _Batch:
    claim: Claim = field(default_factory=lambda: Claim({}, []))
    done: Done = field(default_factory=Done)


def drain(*, most: int = BATCH, turns: Turns | None = None) -> Iterator[int]:
    """Process batch by batch, until a full round finds no unlocked participant with pending events.

    Yields how many events each batch has processed.
    """
    one_round = Round(turns)
    while not one_round.is_over:
        yield process_batch(one_round, most=most)


def process_batch(one_round: Round | None = None, *, most: int = BATCH) -> int:
    """Process about `most` events of unlocked participants, first of the program whose turn it is; return how many.

    Any number of these may run at a time, and may be killed. An event that fails unexpectedly is put off and harms no
    other participant. Raises only on an outage of the database.
    """
    this_round = one_round or Round()
    return _with_rulebooks(lambda books: _process_batch(this_round, most, books), this_round.turns)


def process_now(participant_id: UUID) -> int:
    """Process the pending events of one participant and return how many; 0 where somebody else has the lock, or where
    compiling the rules takes more than this call.

    Raises whatever an event raises; the event is left to the worker.
    """
    return _with_rulebooks(lambda books: _process_one(participant_id, BATCH, books), Turns())


def _with_rulebooks(process: Callable[[Books], Done], turns: Turns) -> int:
    """Process what can be processed; then compile for a moment, without any lock, and process what waited for that."""
    done = process({})
    if not done.unready:
        return done.events
    begin = time.monotonic()
    books = cache.prepare(done.unready, until=begin + COMPILE_SECONDS)
    for program_id in done.unready:
        turns.charge(program_id, (time.monotonic() - begin) / len(done.unready))
    return done.events + (process(books).events if books else 0)


def _process_batch(this_round: Round, most: int, books: Books) -> Done:
    begin = time.monotonic()
    batch = _Batch()
    try:
        _process_together(this_round, most, books, batch)
    except Exception as error:
        if is_transient(error):
            raise
        logger.exception("A batch of events failed; its participants are processed one by one.")
        _process_apart(most, books, batch)
    _note(this_round, batch, time.monotonic() - begin)
    return batch.done


@retried
def _process_together(this_round: Round, most: int, books: Books, batch: _Batch) -> None:
    with transaction.atomic():
        programs = this_round.programs(queue.waiting_programs())
        if not programs:
            return
        places = [(program_id, this_round.after(program_id)) for program_id in programs]
        batch.claim = queue.claim(places, most)
        locked = batch.claim.locked
        if locked:
            # A full batch is shared out, so that somebody with thousands of pending events does not delay everybody else.
            share = max(queue.TURNS, most // len(locked))
            pending = queue.load(locked, share)
            batch.done = _process(pending, books, this_round.turns.dear)


def _process_apart(most: int, books: Books, batch: _Batch) -> None:
    """Process each participant in their own transaction, with the share of events they had in the batch."""
    claim, batch.done = batch.claim, Done()
    share = max(queue.TURNS, most // max(1, len(claim.locked)))
    until = time.monotonic() + APART_SECONDS
    for participant_id, place in claim.locked.items():
        begin = time.monotonic()
        done = _process_carefully(participant_id, share, books)
        done.seen.add(participant_id)
        rest = time.monotonic() - begin - sum(done.seconds.values())
        done.seconds[claim.walked[place].program_id] += rest
        batch.done.add(done)
        if time.monotonic() > until:
            break


def _note(this_round: Round, batch: _Batch, seconds: float) -> None:
    """Note how far the queues were walked; charge each program its events, and its share of what else the batch took."""
    done = batch.done
    waiting = batch.claim.locked.keys() - done.seen
    for program_id, spent in done.seconds.items():
        this_round.turns.charge(program_id, spent)
    this_round.turns.dear = (this_round.turns.dear - done.seconds.keys()) | done.dear
    rest = seconds - sum(done.seconds.values())
    met = sum(len(walked.participant_ids) for walked in batch.claim.walked)
    for walked in batch.claim.walked:
        ids, program_id = walked.participant_ids, walked.program_id
        if ids:
            this_round.turns.charge(program_id, rest * len(ids) / met)
        left = next((n for n, each in enumerate(ids) if each in waiting), None)
        until = len(ids) if left is None else left
        this_round.went_on(
            program_id,
            ids[until - 1] if until else this_round.after(program_id),
            is_at_end=walked.is_at_end and left is None,
            has_found=program_id in done.unready or not done.processed.isdisjoint(ids),
        )


def _process_carefully(participant_id: UUID, most: int, books: Books) -> Done:
    """Process their events together or, where that fails, one by one, so that only the failing one is put off."""
    for verb in (_process_one, _process_each):
        try:
            return verb(participant_id, most, books)
        except Exception as error:
            if is_transient(error):
                raise
            logger.exception("Events of the participant %s failed.", participant_id)
    return Done()  # the failing event could not even be put off


def _process_each(participant_id: UUID, most: int, books: Books) -> Done:
    """Process each event in a transaction of its own: one that fails unexpectedly is put off, and the later ones wait."""
    done = Done()
    while done.events < most:
        one = _process_one(participant_id, 1, books, puts_off=True)
        done.add(one)
        if not one.events:
            break
    return done


@retried
def _process_one(participant_id: UUID, most: int, books: Books, *, puts_off: bool = False) -> Done:
    with transaction.atomic():
        own = Participant.objects.filter(pk=participant_id)
        if not list(own.select_for_update(no_key=True, skip_locked=True).values_list("pk")):
            return Done()
        pending = queue.load({participant_id: 0}, most)
        try:
            with transaction.atomic(savepoint=puts_off):
                done = _process(pending, books)
                if puts_off:
                    connection.check_constraints()  # deferred ones would fail at the commit, too late to put off
                return done
        except Exception as error:
            if not puts_off or is_transient(error):
                raise
            logger.exception("Event %s failed unexpectedly.", pending[0].id)
            return Done(int(queue.put_off(pending[0], error)))


def _process(
    pending: Sequence[Pending], books: Books, dear: AbstractSet[UUID] = frozenset()
) -> Done:
    """Apply these events, whose participants are locked, until time is up, and write what they did.

    An event whose rulebook is not ready waits, and so do the participant's later ones.
    """
    done = Done()
    program_ids = {event.program_id for event in pending}
    rulebooks = cache.ready(program_ids, books) if pending else {}
    done.unready = program_ids - rulebooks.keys()
    participant_ids = list({event.participant_id: None for event in pending})
    if not rulebooks:
        done.seen.update(participant_ids)
        return done
    takes_deferred = any(book.takes_deferred for book in rulebooks.values())
    subjects = load_subjects(participant_ids, with_waiting=takes_deferred)
    outcomes: list[tuple[Pending, Outcome]] = []
    # Participants whose first event waits for its retry, or for its rulebook.
    held_up: set[UUID] = set()
    now = time.monotonic()
    until = now + BATCH_SECONDS
    for event in pending:
        if dear and event.program_id in dear and done.seconds.keys() - {event.program_id}:
            break
        subject = subjects[event.participant_id]
        done.seen.add(event.participant_id)
        is_put_off = event.next_attempt_at is not None and event.next_attempt_at > subject.moment
        if is_put_off or (done.unready and event.program_id in done.unready):
            held_up.add(event.participant_id)
        if held_up and event.participant_id in held_up:
            continue
        outcomes.append((event, _outcome(event, subject, rulebooks[event.program_id])))
        before, now = now, time.monotonic()
        done.seconds[event.program_id] += now - before
        if now - before > DEAR_SECONDS:
            done.dear.add(event.program_id)
        if now > until:
            break
    if outcomes:
        _write(subjects, outcomes)
    done.events = len(outcomes)
    done.processed = {event.participant_id for event, _ in outcomes}
    return done


def _outcome(event: Pending, subject: Subject, rulebook: Rulebook) -> Outcome:
    if event.refused is None:
        return event.ended(apply(event.occurrence(), subject, rulebook))
    return event.ended(refuse(event.occurrence(), rulebook, REFUSALS[event.refused]()))


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
