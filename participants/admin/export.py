"""Journal entries as a CSV file of any length, in constant memory.

Not django-import-export, which holds the whole file as a data set before it sends the first line; and not one statement
for all, which would keep a snapshot open for as long as somebody's line is slow.
"""

import csv
from collections.abc import Iterator
from typing import Any

from django.db.models import Func, QuerySet, TextField, Value
from django.db.models.expressions import F
from django.db.models.lookups import LessThan

from participants.models import JournalEntry
from programs.kernel import instants
from programs.kernel.decimals import written
from programs.kernel.spreadsheets import plain

BATCH = 1000
HEADS = [
    *("created_at", "effective_at", "external_id", "participant_id", "sequence", "action_type", "source", "destination"),
    *("amount", "asset", "available", "held", "deferred", "program", "description", "created_by"),
    *("event_id", "rule_id", "idempotency_key", "entry_id", "entry_hash"),
]  # fmt: skip
# What an entry left.
BALANCES = {"available", "held", "deferred"}


def lines(entries: QuerySet[JournalEntry], *, with_balances: bool) -> Iterator[str]:
    """Yield the file, a thousand rows at a time. `entries` must have a total order."""
    columns = [name for name in HEADS if with_balances or name not in BALANCES]
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for batch in _batches(entries):
        rows = (dict(zip(HEADS, _row(entry), strict=True)) for entry in batch)
        yield "".join(writer.writerow([row[name] for name in columns]) for row in rows)


class _Echo:
    def write(self, line: str) -> str:
        return line


def _batches(entries: QuerySet[JournalEntry]) -> Iterator[list[JournalEntry]]:
    columns = [str(name).removeprefix("-") for name in entries.query.order_by]
    batch = list(entries[:BATCH])
    while batch:
        yield batch
        if len(batch) < BATCH:
            return
        last = batch[-1]
        values = (Value(getattr(last, name), _field(name)) for name in columns)
        batch = list(entries.filter(LessThan(_tuple(*map(F, columns)), _tuple(*values)))[:BATCH])


def _field(name: str) -> Any:
    return JournalEntry._meta.pk if name == "pk" else JournalEntry._meta.get_field(name)


def _tuple(*parts: Any) -> Func:
    return Func(*parts, function="ROW", output_field=TextField())


def _row(entry: JournalEntry) -> list[str]:
    amounts = (entry.amount, entry.available, entry.held, entry.deferred)
    amount, available, held, deferred = (written(each, entry.asset.scale) for each in amounts)
    return [
        instants.written(entry.created_at),
        instants.written(entry.happened_at),
        plain(entry.participant.external_id),
        str(entry.participant_id),
        str(entry.sequence),
        entry.action_type,
        entry.source,
        entry.destination,
        amount,
        entry.asset.symbol,
        available,
        held,
        deferred,
        plain(entry.program.name),
        plain(entry.description),
        plain(entry.created_by),
        str(entry.event_id or ""),
        str(entry.rule_id or ""),
        plain(entry.idempotency_key),
        str(entry.pk),
        bytes(entry.entry_hash).hex(),
    ]
