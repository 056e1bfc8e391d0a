"""Tables of the ledger that are changed by hand, and the faults that this leaves."""

import re
from io import StringIO

from django.core.management import CommandError, call_command
from django.db import connection

from participants.ledger import verify
from participants.models import Participant
from programs.models import Asset

ANA = "participant_id = (SELECT id FROM participants_participant WHERE external_id = 'ana')"
Found = list[tuple[str, int | None, str]]


def spoil(*statements: str, of_ana: bool = True) -> None:
    """Run the statements, each an UPDATE or DELETE of Ana's rows."""
    with connection.cursor() as cursor:
        for statement in statements:
            head, where, condition = statement.partition(" WHERE ")
            cursor.execute(f"{head} WHERE {ANA}{' AND ' if where else ''}{condition}")


def found(participant: Participant | None = None) -> Found:
    """Who, which entry, what; ids in the words replaced by what they are."""
    names = {str(asset.pk): asset.symbol for asset in Asset.objects.all()}
    pattern = re.compile("|".join(names) or "-")
    return [
        (
            fault.external_id,
            fault.sequence,
            pattern.sub(lambda match: names[match[0]], fault.message),
        )
        for fault in verify.faults(participant.pk if participant else None)
    ]


def run(command: str, *arguments: str) -> tuple[list[str], str, int]:
    """Standard output by lines, what the command ends with, and its code."""
    stdout, stderr = StringIO(), StringIO()
    try:
        call_command(command, *arguments, stdout=stdout, stderr=stderr)
    except CommandError as error:
        return stdout.getvalue().splitlines(), str(error), error.returncode
    return stdout.getvalue().splitlines(), stderr.getvalue().strip(), 0
