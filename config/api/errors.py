"""Every refusal as a client sees it: STATUS gives each code of a domain error its status, and one handler writes the body."""

import logging
import sys
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from config.request_body import SlowBody
from participants.locks import ParticipantBusy
from programs.api.refusals import validation_failed
from programs.kernel import exact_json
from programs.kernel.database import is_outage
from programs.kernel.exceptions import DomainError

logger = logging.getLogger(__name__)

# A domain error names its code (see `programs.kernel.exceptions`, `participants.exceptions`); its status is decided here.
STATUS = {
    "bad_request": 400,
    "validation_failed": 400,
    "invalid_scale": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "https_required": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "idempotency_conflict": 409,
    "participant_inactive": 409,
    "program_inactive": 409,
    "not_enrolled": 409,
    "order_taken": 409,
    "in_use": 409,
    "changed_meanwhile": 409,
    "not_retryable": 409,
    "job_finished": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "insufficient_balance": 422,
    "asset_not_linked": 422,
    "amount_out_of_range": 422,
    "max_transaction_exceeded": 422,
    "unknown_participant": 422,
    "too_many_requests": 429,
    "internal_error": 500,
    "unavailable": 503,
}
# For what Django and REST framework refuse by status alone: the first code of each status.
CODE_OF_STATUS = {status: code for code, status in reversed(STATUS.items())}
INTERNAL_ERROR = "Something went wrong on our side; the request id finds it in our logs."
UNAVAILABLE = "Try again in a moment."


class PayloadTooLarge(exceptions.APIException):
    status_code = 413
    default_detail = "The body is too large."


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a view. None for a bug, which Django logs and answers with `server_error`."""
    headers: dict[str, str] = {}
    if isinstance(error, exceptions.ValidationError):
        error = validation_failed(error)
    if isinstance(error, DomainError):
        status, body = STATUS[error.code], error.as_dict()
    elif isinstance(error, Http404):
        status, body = 404, body_of(404, "There is nothing at this address.")
    elif isinstance(error, DjangoPermissionDenied):
        status, body = 403, body_of(403, "You may not do this.")
    elif isinstance(error, exceptions.APIException):
        status, body = error.status_code, body_of(error.status_code, str(error.detail))
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(int(wait))
        if challenge := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
    elif isinstance(error, SlowBody):
        status, body, headers = error.status, body_of(error.status, str(error)), error.headers
    elif _is_unavailable(error):
        status, body = 503, body_of(503, UNAVAILABLE)
        headers["Retry-After"] = "1"
    else:
        return None
    body["request_id"] = context["request"]._request.request_id
    return Response(body, status=status, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        too_large = _outside_views(request, 413, str(PayloadTooLarge.default_detail))
        return too_large or defaults.bad_request(request, exception)
    if isinstance(exception, SlowBody):
        response = _outside_views(request, exception.status, str(exception)) or HttpResponse(
            str(exception), status=exception.status, content_type="text/plain"
        )
        for name, value in exception.headers.items():
            response.headers[name] = value
        return response
    return _outside_views(request, 400, "The request is malformed.") or defaults.bad_request(
        request, exception
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _outside_views(request, 403, "You may not do this.") or defaults.permission_denied(
        request, exception
    )


def https_required(request: HttpRequest, message: str) -> HttpResponse:
    return _outside_views(request, 403, message, "https_required") or HttpResponseForbidden(
        message, content_type="text/plain"
    )


def sign_in_refused(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """Answer a sign-in whose password was not looked at: a page, or the API's error for whoever asks for JSON."""
    if "application/json" in request.META.get("HTTP_ACCEPT", ""):
        body = body_of(status, message) | {"request_id": getattr(request, "request_id", "")}
        return HttpResponse(exact_json.dumps(body), status=status, content_type="application/json")
    # Rendered without the request: to see who is signed in takes a session.
    return HttpResponse(render_to_string("429.html", {"message": message}), status=status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _outside_views(request, 404, "There is nothing at this address.") or (
        defaults.page_not_found(request, exception)
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what crashed outside REST framework's views: a page of the admin, or a middleware."""
    if _is_unavailable(sys.exc_info()[1]):
        # Rendered without the request: to see who is signed in takes the database.
        response = _outside_views(request, 503, UNAVAILABLE) or HttpResponse(
            render_to_string("503.html"), status=503
        )
        response.headers["Retry-After"] = "1"
        return response
    return _outside_views(request, 500, INTERNAL_ERROR) or defaults.server_error(request)


def _is_unavailable(error: BaseException | None) -> bool:
    """Whether the database cannot do it now. The connection is closed if a new one may reach a server that can."""
    if not isinstance(error, OperationalError | InterfaceError) and not is_outage(error):
        return False
    if isinstance(error, ParticipantBusy):  # often, and the call that is still waiting says why
        logger.info("%s", error)
        return True
    logger.error("The database cannot do it now.", exc_info=error)
    if is_outage(error):
        connection.close()
    return True


def _outside_views(
    request: HttpRequest, status: int, message: str, code: str = ""
) -> HttpResponse | None:
    """The API's error for a request that reached no view or crashed one; None outside the API."""
    if not request.path.startswith("/v1"):
        return None
    body = body_of(status, message)
    body["code"] = code or body["code"]
    body["request_id"] = getattr(request, "request_id", "")
    return HttpResponse(exact_json.dumps(body), status=status, content_type="application/json")


def body_of(status: int, message: str) -> dict[str, object]:
    """The body of a refusal, without its request id."""
    code = CODE_OF_STATUS.get(status, "internal_error" if status >= 500 else "bad_request")
    return {"code": code, "message": message}
