"""Several changes of one participant that stand on one page: all of them, or none."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from participants.state.changes import Change
from participants.state.write import Result, apply_each
from programs.kernel.actors import Actor
from programs.kernel.database import retried


@retried
def apply_in_turn(
    changes: Iterable[Change],
    *,
    to: str | UUID,
    by: Actor,
    may_create: bool = False,
    may_change: bool = True,
) -> list[Result]:
    """Make these changes of one participant, who is created by the first where that is allowed.

    Results up to the first refusal, which takes back the changes before it.
    """
    results: list[Result] = []
    with transaction.atomic():
        for change in changes:
            [result] = apply_each(
                [(to, change)], by=by, may_create=may_create, may_change=may_change
            )
            results.append(result)
            if result.refusal:
                transaction.set_rollback(True)
                break
            to, may_create, may_change = result.participant_id, False, True
    return results
