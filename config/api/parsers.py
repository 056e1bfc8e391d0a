"""Parsers of bodies: exact JSON for everybody, forms for staff in the browsable API."""

import codecs
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser

from config.api import body_memory
from config.api.errors import PayloadTooLarge
from programs.kernel import exact_json
from programs.models import ApiKey


class ExactJSONParser(BaseParser):
    """Parser of JSON bodies up to the view's `body_limit` (1 MB by default)."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = parser_context or {}
        limit = getattr(context.get("view"), "body_limit", settings.BODY_LIMIT)
        meta = context["request"].META
        size = int(meta.get("CONTENT_LENGTH") or 0)
        is_chunked = "HTTP_TRANSFER_ENCODING" in meta  # its length is not known yet
        if size > limit and not is_chunked:
            raise PayloadTooLarge(f"The body may have at most {limit:,} bytes.")
        body_memory.hold_raw(min(size, limit))
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge(f"The body may have at most {limit:,} bytes.")
        body_memory.hold_parsed(body)
        body = body.removeprefix(codecs.BOM_UTF8)
        try:
            return exact_json.loads(body)
        except exact_json.InvalidJSON as error:
            raise ParseError(str(error)) from error


class _StaffOnly:
    """Forms of the browsable API; a client with a key sends JSON."""

    media_type: str

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {})["request"]
        # Read from Django's request: REST framework's `auth` of a session depends on the CSRF token in the form, which is
        # what this parser is about to read.
        if isinstance(getattr(request._request, "auth", None), ApiKey):
            raise UnsupportedMediaType(self.media_type, "Send JSON, as application/json.")
        # Django limits the text of a form, but not the files in it.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.BODY_LIMIT:
            raise PayloadTooLarge(f"The body may have at most {settings.BODY_LIMIT:,} bytes.")
        return super().parse(stream, media_type, parser_context)  # type: ignore[misc]


class StaffFormParser(_StaffOnly, FormParser):
    pass


class StaffMultiPartParser(_StaffOnly, MultiPartParser):
    pass
