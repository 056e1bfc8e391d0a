"""Several changes of one participant that are made together: all of them, or none."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from participants.state.changes import Change
from participants.state.rights import EXISTING_ONLY, Rights
from participants.state.write import Upserted, change_each
from programs.kernel.actors import Actor
from programs.kernel.database import retried


@retried
def change_in_turn(
    changes: Iterable[Change], *, to: str | UUID, by: Actor, rights: Rights = EXISTING_ONLY
) -> list[Upserted]:
    """Make these changes of one participant, who is created by the first where `rights` allow that.

    Results up to the first refusal, which takes back the changes before it.
    """
    results: list[Upserted] = []
    with transaction.atomic():
        for change in changes:
            [result] = change_each([(to, change)], by=by, rights=rights)
            results.append(result)
            if result.refusal:
                transaction.set_rollback(True)
                break
            to, rights = result.participant_id, Rights(may_create=False)
    return results
