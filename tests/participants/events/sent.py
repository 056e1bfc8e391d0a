"""Events as a client sends them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from participants.events.ingest import Stored, ingest_each
from participants.events.request import NewEvent
from participants.models import Enrollment, Event, Participant, StateChange
from programs.kernel.exceptions import DomainError
from programs.models import Program
from tests.conftest import TESTER

WHEN = "2026-01-15T10:30:00Z"


def an_event(program: Program, key: str = "k", of: str | UUID = "ana", **data: Any) -> NewEvent:
    return NewEvent(program.pk, of, key, datetime.fromisoformat(WHEN), data)


def send(event: NewEvent) -> Stored | DomainError:
    """What the call answers, a refusal too."""
    [result] = ingest_each([event], by=TESTER)
    return result


def a_body(program: Program, **rest: Any) -> dict[str, Any]:
    body = {
        "program_id": str(program.pk),
        "external_id": "ana",
        "idempotency_key": "k",
        "event_timestamp": WHEN,
        "event_data": {"amount": 5},
    }
    return {name: value for name, value in {**body, **rest}.items() if value is not ...}


def nothing_is_stored() -> bool:
    models = (Participant, Enrollment, Event, StateChange)
    return not any(model._default_manager.exists() for model in models)
