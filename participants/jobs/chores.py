"""What the worker of jobs does beside them: chores whose transactions take too long for the worker of events.

Each is safe to run twice at once and to kill, and yields between its transactions.
"""

from collections.abc import Callable, Iterator

from participants.jobs.forget import forget_ended
from participants.reports.rebuild import rebuild_changed
from participants.reports.refresh import refresh_due

CHORES: list[Callable[[], Iterator[int]]] = [rebuild_changed, refresh_due, forget_ended]
