"""A page to suspend, reactivate or close a participant."""

from typing import Final

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse

from participants import state
from participants.admin.subpages import ReasonedForm, participant_for, verb_page
from participants.models import Participant, ParticipantStatus
from programs.api.callers import actor_of

# What each status is reached by: the button, and how the message tells it.
VERBS: Final = {
    ParticipantStatus.ACTIVE: ("Reactivate", "reactivated"),
    ParticipantStatus.SUSPENDED: ("Suspend", "suspended"),
    ParticipantStatus.CLOSED: ("Close", "closed"),
}
NOTES: Final = {
    ParticipantStatus.ACTIVE: "They earn and spend again. Events that failed meanwhile are not retried by themselves.",
    ParticipantStatus.SUSPENDED: "Until they are reactivated they neither earn nor spend: events still arrive, and rules that would give or take fail. Balances stay, and what is deferred still matures.",
    ParticipantStatus.CLOSED: "They neither earn nor spend. Balances stay until somebody forfeits them. A closed participant can be reactivated.",
}


def status_page(
    page: admin.ModelAdmin[Participant], request: HttpRequest, object_id: str
) -> HttpResponse:
    """Show the page of the status that `?to=` names."""
    participant = participant_for(page, request, object_id, "StatusViewSet.partial_update")
    try:
        status = ParticipantStatus(request.GET.get("to", ""))
    except ValueError as error:
        raise Http404("There is no such status.") from error
    button, became = VERBS[status]
    form = ReasonedForm(request.POST if request.method == "POST" else {"reason": ""})

    def verb() -> str:
        change = state.Change(status=status)
        reason = form.cleaned_data["reason"]
        state.change(change, to=participant.pk, by=actor_of(request), reason=reason)
        return f"{participant} was {became}."

    return verb_page(
        page,
        request,
        participant,
        form,
        verb,
        title=f"{button} this participant",
        button=button,
        notes=lambda: [NOTES[status]],
        asks_nothing=True,
    )
