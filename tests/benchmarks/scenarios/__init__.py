"""What is measured, by name and in order. A scenario yields an Outcome for each table that it has to show."""

from collections.abc import Callable, Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.measure import Outcome
from tests.benchmarks.scenarios import (
    batch,
    events,
    ledger,
    processing,
    rules,
    size,
    statements,
    upsert,
)

SCENARIOS: dict[str, Callable[[Bench], Iterator[Outcome]]] = {
    "statements": statements.scenario,
    "upsert": upsert.scenario,
    "batch": batch.scenario,
    "ledger": ledger.scenario,
    "events": events.scenario,
    "processing": processing.scenario,
    "size": size.scenario,
    "rules": rules.scenario,
}
