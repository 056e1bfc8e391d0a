"""Checks the whole ledger, or one participant's part of it."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from participants.ledger import verify
from participants.models import Participant


class Command(BaseCommand):
    help = (
        "Checks that every participant's journal entries are numbered without a gap, that their hashes fit, that each "
        "says the balances that the ones before it lead to, and that the balances and what waits to mature are what the "
        "last ones left. Writes each fault on standard output, as it is found: who, which entry, what is wrong. Ends "
        "with 1 where there is any. It sees the ledger as of one moment, locks nothing and can be stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--participant", metavar="ID", help="Check this one only: an id, or external:ID."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        whom = options["participant"]
        participant = None if whom is None else _participant(whom)
        found = 0
        try:
            for fault in verify.faults(participant):
                found += 1
                self.stdout.write(_printable(str(fault)))
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted; {found} fault(s) so far.", returncode=130) from None
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"Stopped; {found} fault(s) so far: {error}") from error
        what = "the whole ledger" if whom is None else _printable(whom)
        if found:
            raise CommandError(f"Checked {what}: {found} fault(s).")
        self.stderr.write(f"Checked {what}: no fault.", lambda text: text)


def _participant(whom: str) -> UUID:
    try:
        address = (
            {"external_id": whom.removeprefix("external:")}
            if whom.startswith("external:")
            else {"pk": UUID(whom)}
        )
        return Participant.objects.values_list("pk", flat=True).get(**address)
    except ValueError:
        raise CommandError("--participant takes a UUID, or external: and an external_id.") from None
    except Participant.DoesNotExist:
        raise CommandError(f"There is no participant {_printable(whom)}.") from None


def _printable(text: str) -> str:
    """An external_id is somebody else's text and might steer a terminal."""
    return text if text.isprintable() else ascii(text)
