"""The floor: Laurel's own reading and writing of an upsert, or of an event, in a bare Django view, without Django REST
framework.
"""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from config.api.authentication import key_ring
from participants import state
from participants.events.ingest import ingest
from participants.events.request import clean_event
from participants.exceptions import IdempotencyConflict
from participants.state.changes import clean_upsert
from programs.kernel import exact_json
from programs.kernel.actors import Actor, ActorKind


@csrf_exempt
def upsert(request: HttpRequest) -> HttpResponse:
    key = key_ring.find(request.META.get("HTTP_X_API_KEY", ""))
    if key is None:
        return HttpResponse(status=401)
    external_id, change = clean_upsert(exact_json.loads(request.body))
    by = Actor(ActorKind.API_KEY, str(key))
    result = state.change(change, to=external_id, by=by, rights=state.ALL_RIGHTS)
    return HttpResponse(
        bytes(result.document),
        status=201 if result.created else 200,
        content_type="application/json",
    )


@csrf_exempt
def event(request: HttpRequest) -> HttpResponse:
    key = key_ring.find(request.META.get("HTTP_X_API_KEY", ""))
    if key is None:
        return HttpResponse(status=401)
    by = Actor(ActorKind.API_KEY, str(key))
    try:
        stored = ingest(
            clean_event(exact_json.loads(request.body), received_at=timezone.now()), by=by
        )
    except IdempotencyConflict as conflict:
        return HttpResponse(exact_json.dumps(conflict.as_dict()), status=409)
    return HttpResponse(
        exact_json.dumps(stored.document()), status=202, content_type="application/json"
    )
