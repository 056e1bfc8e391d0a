"""The application as a server runs it. Unlike manage.py it never starts a database of its own."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()

from django.conf import settings  # noqa: E402

from config.request_body import RequestBody  # noqa: E402


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's application. Bodies are read where it asks for them, and not before."""
    if "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated"):
        # Django takes a body without a length for an empty one. It may be this long, and ends by itself.
        environ["CONTENT_LENGTH"] = str(settings.BATCH_BODY_LIMIT + 1)
    answer = django(environ, start_response)
    body = environ["wsgi.input"]
    if isinstance(body, RequestBody):
        body.close_unless_read()
    return answer
