"""How the admin says what moved and what is there."""

from datetime import datetime

from participants.models import Account, ActionType, Bucket, JournalEntry
from programs.kernel.decimals import written

_WORDS = {
    ActionType.CREDIT: "Credit",
    ActionType.DEBIT: "Debit",
    ActionType.HOLD: "Hold",
    ActionType.RELEASE: "Release",
    ActionType.FORFEIT: "Forfeit",
    ActionType.MATURE: "Matured",
}


def action(entry: JournalEntry) -> str:
    """ "Credit", "Debit of held", "Hold": the bucket is named where it is not the usual one."""
    kind = entry.action_type
    words = _WORDS[kind]
    if kind is ActionType.CREDIT and entry.destination != Account.AVAILABLE:
        return f"{words} to {entry.destination.lower()}"
    if kind in (ActionType.DEBIT, ActionType.FORFEIT) and entry.source != Account.AVAILABLE:
        return f"{words} of {entry.source.lower()}"
    return words


def signed_amount(entry: JournalEntry) -> str:
    """What the participant has more or less; without a sign where it only went from one bucket to another."""
    comes, goes = entry.destination in Bucket.values, entry.source in Bucket.values
    sign = "" if comes and goes else "+" if comes else "-"
    return sign + written(entry.amount, entry.asset.scale)


def moment(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else ""
