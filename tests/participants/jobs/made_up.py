"""A kind of job that is made up: it counts its steps in the database."""

import time
from typing import Any

from participants.jobs.kind import Kind, Step
from participants.models import Job

PERMISSIONS = ("programs.view_program",)


def step(job: Job) -> Step:
    """Write one part of a file for each step; as many as the job says."""
    done, total = job.done + 1, job.parameters["steps"]
    # What a step that is killed has written must be gone with it.
    job.parts.create(name="written.txt", number=done, content=b"%d\n" % done)
    time.sleep(float(job.parameters.get("seconds", 0)))
    if done == total:
        return Step(done, total, report={"steps": total})
    return Step(done, total, state={"last": done})


MADE_UP = Kind("made_up", "Made up", PERMISSIONS, step)


def asked(**parameters: Any) -> Job:
    return Job.objects.create(
        kind="made_up", title="Counting", parameters=parameters, requested_by="command:tests"
    )


# A worker that knows it, as a program; the database's name is its argument.
PROGRAM = """
import sys, django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from participants.jobs.kinds import KINDS
from participants.jobs.worker import Worker
from tests.participants.jobs.made_up import MADE_UP
KINDS["made_up"] = MADE_UP
Worker().run()
"""
