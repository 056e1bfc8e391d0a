"""CEL's encoders extension."""

import base64
import binascii
from functools import partial

from programs.rules.budget import Run, charge_made
from programs.rules.errors import EvaluationError
from programs.rules.functions.conversions import encoded
from programs.rules.functions.table import RARE, function

_function = partial(function, subject=RARE)


@_function(
    "base64.encode(bytes) -> string",
    says="The bytes encoded as base64.",
    example='base64.encode(b"hello")',
    gives='"aGVsbG8="',
)
def base64_encode(run: Run, value: bytes) -> str:
    charge_made(run, len(value) * 2)
    return base64.b64encode(value).decode()


@_function(
    "base64.decode(string) -> bytes",
    says="The bytes that the base64 text encodes. Padding is optional.",
    example='string(base64.decode("aGVsbG8="))',
    gives='"hello"',
)
def base64_decode(run: Run, text: str) -> bytes:
    charge_made(run, len(text))
    octets = encoded(text)
    padding = b"" if octets.endswith(b"=") else b"=" * (-len(octets) % 4)
    try:
        return base64.b64decode(octets + padding, validate=True)
    except binascii.Error:
        raise EvaluationError("The text is not base64.") from None
