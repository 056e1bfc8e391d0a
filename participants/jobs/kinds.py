"""The kinds of jobs. A new one is a declaration and its place here."""

from typing import Final

from participants.jobs.kind import Kind
from participants.jobs.replay import REPLAY

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in (REPLAY,)}
