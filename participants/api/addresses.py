"""How a URL names a participant: by our id, or by the client's own as `external:{external_id}`."""

from uuid import UUID

from django.db.models import Q
from rest_framework.request import Request

from programs.api.addresses import UUID_SCHEMA, IdConverter, path_parameter
from programs.kernel.cleaning import Errors, uuid_of

_EXTERNAL = "external:"


class TextConverter:
    """Any text, including slashes. An encoded slash arrives as NUL (see config.api.middleware)."""

    # Including line breaks, but without a trailing slash, so that nobody is redirected to an address with one.
    regex = "(?s:.*[^/])"

    def to_python(self, value: str) -> str:
        return value.replace("\0", "/")

    def to_url(self, value: str) -> str:
        return value


class ParticipantConverter:
    """An id as a UUID, an external_id as a text."""

    regex = f"{_EXTERNAL}{TextConverter.regex}|{IdConverter.regex}"

    def to_python(self, value: str) -> str | UUID:
        if value.startswith(_EXTERNAL):
            return value.removeprefix(_EXTERNAL).replace("\0", "/")
        return UUID(value)

    def to_url(self, value: str | UUID) -> str:
        return str(value) if isinstance(value, UUID) else _EXTERNAL + value


PARTICIPANT = path_parameter(
    "participant",
    "The participant: our id, or yours as `external:{external_id}`, percent-encoded.",
    "external:customer-1042",
    {
        "anyOf": [
            UUID_SCHEMA,
            {
                "type": "string",
                "pattern": rf"^{_EXTERNAL}[\s\S]+$",
                "maxLength": len(_EXTERNAL) + 255,
            },
        ]
    },
)


def query_id(request: Request, name: str) -> UUID | None:
    """Return the id in this parameter of the query; None where it is left out. Raises ValidationFailed."""
    if name not in request.query_params:
        return None
    errors = Errors()
    value = uuid_of(request.query_params[name], errors, name)
    errors.raise_if_any()
    return value


def is_of(address: str | UUID, prefix: str = "") -> Q:
    """Return the condition that a row belongs to the participant at this address."""
    return Q(**{f"{prefix}id" if isinstance(address, UUID) else f"{prefix}external_id": address})
