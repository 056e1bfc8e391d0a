"""CEL's encoders extension."""

import base64
import binascii

from programs.rules.budget import Run, charge_made
from programs.rules.errors import EvaluationError
from programs.rules.functions.conversions import encoded
from programs.rules.functions.table import function


@function("base64.encode(bytes) -> string")
def base64_encode(run: Run, value: bytes) -> str:
    charge_made(run, len(value) * 2)
    return base64.b64encode(value).decode()


@function("base64.decode(string) -> bytes")
def base64_decode(run: Run, text: str) -> bytes:
    charge_made(run, len(text))
    octets = encoded(text)
    padding = b"" if octets.endswith(b"=") else b"=" * (-len(octets) % 4)
    try:
        return base64.b64decode(octets + padding, validate=True)
    except binascii.Error:
        raise EvaluationError("The text is not base64.") from None
