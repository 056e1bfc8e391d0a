"""What each call about participants, their balances and their events requires."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest
from rest_framework.request import Request

from participants.jobs.kind import Kind
from participants.state import ALL_RIGHTS, Rights
from programs.api.permissions import DECLARED, Requirement
from programs.kernel import exact_json
from programs.models import ApiKey, Scope

_READ = Scope.PARTICIPANTS_READ
_WRITE = Scope.PARTICIPANTS_WRITE


# An upsert creates, changes and enrolls. Staff with one of the two permissions may use it for that half; the verbs
# refuse the other one (see `participants.state.Rights`).
def _upsert(model: str) -> Requirement:
    return Requirement(_WRITE, any_of=(f"participants.add_{model}", f"participants.change_{model}"))


_UPSERT = _upsert("participant")
_VIEW_PARTICIPANT = Requirement(_READ, ("participants.view_participant",))
_CHANGE_PARTICIPANT = Requirement(_WRITE, ("participants.change_participant",))
_ADJUST = Requirement(Scope.BALANCES_WRITE, ("participants.adjust_balance",))
_VIEW_JOURNAL = Requirement(_READ, ("participants.view_journalentry",))
_VIEW_EVENT = Requirement(_READ, ("participants.view_event",))
_ADD_EVENT = Requirement(Scope.EVENTS_WRITE, ("participants.add_event",))

REQUIREMENTS: Mapping[str, Requirement] = {
    "ParticipantViewSet.list": _VIEW_PARTICIPANT,
    "ParticipantViewSet.create": _UPSERT,
    "ParticipantViewSet.retrieve": _VIEW_PARTICIPANT,
    "ParticipantViewSet.partial_update": _CHANGE_PARTICIPANT,
    "BatchViewSet.create": _UPSERT,
    "StatusViewSet.partial_update": _CHANGE_PARTICIPANT,
    "TagViewSet.list": _VIEW_PARTICIPANT,
    "TagViewSet.replace": _CHANGE_PARTICIPANT,
    "TagViewSet.add": _CHANGE_PARTICIPANT,
    "TagViewSet.remove": _CHANGE_PARTICIPANT,
    "AttributeViewSet.list": _VIEW_PARTICIPANT,
    "AttributeViewSet.merge": _CHANGE_PARTICIPANT,
    "AttributeViewSet.set": _CHANGE_PARTICIPANT,
    "AttributeViewSet.remove": _CHANGE_PARTICIPANT,
    "CounterViewSet.list": Requirement(_READ, ("participants.view_counter",)),
    "CounterViewSet.retrieve": Requirement(_READ, ("participants.view_counter",)),
    "CounterViewSet.set": _upsert("counter"),
    "CounterViewSet.remove": Requirement(_WRITE, ("participants.delete_counter",)),
    "TierViewSet.list": Requirement(_READ, ("participants.view_tierstanding",)),
    "TierViewSet.retrieve": Requirement(_READ, ("participants.view_tierstanding",)),
    "TierViewSet.set": _upsert("tierstanding"),
    "TierViewSet.remove": Requirement(_WRITE, ("participants.delete_tierstanding",)),
    "EnrollmentViewSet.retrieve": Requirement(_READ, ("participants.view_enrollment",)),
    "EnrollmentViewSet.update": _upsert("enrollment"),
    "EnrollmentViewSet.destroy": Requirement(_WRITE, ("participants.delete_enrollment",)),
    "BalanceViewSet.list": Requirement(_READ, ("participants.view_balance",)),
    "BalanceViewSet.adjust": _ADJUST,
    "BalanceViewSet.hold": _ADJUST,
    "BalanceViewSet.release": _ADJUST,
    "BalanceViewSet.forfeit": _ADJUST,
    "HistoryViewSet.list": _VIEW_JOURNAL,
    "ParticipantEventViewSet.list": _VIEW_EVENT,
    "StateHistoryViewSet.list": Requirement(_READ, ("participants.view_statechange",)),
    "EventViewSet.list": _VIEW_EVENT,
    "EventViewSet.create": _ADD_EVENT,
    "EventViewSet.retrieve": _VIEW_EVENT,
    "EventViewSet.retry": Requirement(Scope.EVENTS_WRITE, ("participants.change_event",)),
    "EventByKeyViewSet.by_key": _VIEW_EVENT,
    "EventBatchViewSet.create": _ADD_EVENT,
    "JournalEntryViewSet.list": _VIEW_JOURNAL,
    "JournalEntryViewSet.retrieve": _VIEW_JOURNAL,
    "ProgramSimulationViewSet.simulate": Requirement(
        Scope.PROGRAMS_READ, ("programs.view_program",)
    ),
    "RuleSimulationViewSet.simulate": Requirement(Scope.PROGRAMS_READ, ("programs.view_rule",)),
}

DECLARED.update(REQUIREMENTS)


def allows(request: Request | HttpRequest, call: str) -> bool:
    """Whether this member of staff may make the call ("BalanceViewSet.adjust"), as an admin page does for them."""
    return REQUIREMENTS[call].staff_may(request)


def allows_job(request: Request | HttpRequest, kind: Kind) -> bool:
    """Whether this member of staff may ask for such a job and read its report."""
    return request.user.has_perms(kind.permissions)


# What parts of a call require besides. An API key's scope for the call includes them.
# A program_id makes the enrollment or reactivates it, so it takes both.
ENROLLING = Requirement(_WRITE, ("participants.add_enrollment", "participants.change_enrollment"))

# The fields of a participant, in whatever answer, that staff see who may make this call. The outcome of an event is for
# those who may read the event.
FIELDS: Mapping[str, str] = {
    "counters": "CounterViewSet.list",
    "tiers": "TierViewSet.list",
    "balances": "BalanceViewSet.list",
    "program_ids": "EnrollmentViewSet.retrieve",
}
OUTCOME = "EventViewSet.retrieve"
# What an entry of the journal left is a balance, in the API, on the entry's page and in the export.
BALANCE_AFTER = "BalanceViewSet.list"

# The conditions of a draft can read all of a participant.
SIMULATING_A_PARTICIPANT = Requirement(
    _READ,
    tuple(
        permission
        for requirement in (_VIEW_PARTICIPANT, *map(REQUIREMENTS.get, FIELDS.values()))
        if requirement
        for permission in requirement.all_of
    ),
)


def without_hidden(request: Request, document: msgspec.Raw) -> Any:
    """Return the participant without those FIELDS that the caller may not see."""
    hidden = [name for name, call in FIELDS.items() if not allows(request, call)]
    if not hidden:
        return document
    fields = exact_json.loads(bytes(document))
    return {name: value for name, value in fields.items() if name not in hidden}


def rights_of(request: Request | HttpRequest, model: str = "participant") -> Rights:
    """Return what a call may create and change of this model, and whether it may enroll."""
    if isinstance(getattr(request, "auth", None), ApiKey):
        return ALL_RIGHTS
    may_create, may_change = (
        Requirement(_WRITE, (f"participants.{verb}_{model}",)).staff_may(request)
        for verb in ("add", "change")
    )
    return Rights(may_create, may_change, may_enroll=ENROLLING.staff_may(request))
