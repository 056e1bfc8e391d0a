"""The kinds of jobs. A new one is a declaration and its place here."""

from typing import Final

from participants.jobs.kind import Kind
from participants.jobs.replay import REPLAY
from participants.jobs.track_preview import TRACK_PREVIEW

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in (REPLAY, TRACK_PREVIEW)}
