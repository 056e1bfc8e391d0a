"""Long work, carried out step by step by the processes behind `run_jobs`."""

from participants.jobs.kinds import KINDS
from participants.jobs.verbs import cancel, request

__all__ = ["KINDS", "cancel", "request"]
