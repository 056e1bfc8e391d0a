"""How the admin spells movements and times."""

from datetime import timedelta

from participants.models import Account, ActionType, Bucket, Counter, JournalEntry, Participant
from programs.reader import amount, moment


def action(entry: JournalEntry) -> str:
    """Name the action: "Credit", "Debit of held", "Hold". The bucket is named unless it is the usual one."""
    kind = entry.action_type
    words = "Matured" if kind is ActionType.MATURE else kind.label
    if kind is ActionType.CREDIT and entry.destination != Account.AVAILABLE:
        return f"{words} to {entry.destination.lower()}"
    if kind in (ActionType.DEBIT, ActionType.FORFEIT) and entry.source != Account.AVAILABLE:
        return f"{words} of {entry.source.lower()}"
    return words


def signed_amount(entry: JournalEntry) -> str:
    """Return the amount with its sign, or without one where it only moved between buckets."""
    comes, goes = entry.destination in Bucket.values, entry.source in Bucket.values
    sign = "" if comes and goes else "+" if comes else "-"
    return sign + amount(entry.amount, entry.asset.scale)


def happened(entry: JournalEntry) -> str:
    """When it happened, "" where it was written within a minute of that."""
    if abs(entry.created_at - entry.happened_at) < timedelta(minutes=1):
        return ""
    return f"happened {moment(entry.happened_at)}"


def counted(count: int, noun: str) -> str:
    """ "1 rule error", "2 rule errors" """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def length(time: timedelta) -> str:
    """A length of time, cut to its largest unit: "3 days"."""
    for unit, seconds in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if time.total_seconds() >= seconds:
            return counted(int(time.total_seconds() // seconds), unit)
    return "less than a minute"


def person(participant: Participant) -> str:
    """The name that they go by, "" where none is known."""
    names = [participant.first_name, participant.last_name]
    return participant.display_name or " ".join(filter(None, names))


def period(counter: Counter) -> str:
    """Name the calendar period that the counter counts in: "each month (Europe/Berlin)"."""
    return f"each {counter.reset.lower()} ({counter.time_zone})"
