from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from programs import api_keys
from programs.kernel import durations
from programs.kernel.actors import Actor, ActorKind
from programs.models import ApiKey, Scope

_LONGEST = timedelta(days=3653)  # ten years


class Command(BaseCommand):
    help = (
        "Issues an API key and prints it, alone, on standard output; its description goes to standard "
        "error. The key is shown only this once: only its digest is stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name", metavar="NAME", help="Which application or person holds the key."
        )
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            metavar="SCOPE",
            dest="scopes",
            help=f"What the key may do; can be repeated. Left out, everything: {', '.join(Scope.values)}. "
            "The answer to a write shows what was written, also to a key that may not read.",
        )
        parser.add_argument(
            "--expires-in",
            metavar="TIME",
            help="When the key stops working: a duration in w(eeks), d(ays), h(ours), m(inutes) and s(econds), such as 90d "
            "or 1w2d, up to ten years. Left out: never.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = _name(options["name"])
        lifetime = _lifetime(options["expires_in"]) if options["expires_in"] is not None else None
        row, key = api_keys.issue(
            name=name,
            scopes=options["scopes"] or Scope.values,
            by=Actor(ActorKind.COMMAND, "create_api_key"),
            expires_at=timezone.now() + lifetime if lifetime else None,
        )
        self.stdout.write(key)
        self._describe(row, all_by_default=not options["scopes"])

    def _describe(self, row: ApiKey, *, all_by_default: bool) -> None:
        scopes = ", ".join(row.scopes) + (" (all: no --scope was given)" if all_by_default else "")
        expires = f"{row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else "never"
        lines = [
            f"Name:     {row.name}",
            f"Scopes:   {scopes}",
            f"Expires:  {expires}",
            "The key stands on standard output, this once. Keep it where your application keeps its secrets.",
        ]
        self.stderr.write("\n".join(lines), style_func=str)  # without the red of an error


def _name(text: str) -> str:
    name = text.strip()
    longest = ApiKey._meta.get_field("name").max_length or 0
    if not 1 <= len(name) <= longest or not name.isprintable():
        raise CommandError(
            f"NAME needs 1 to {longest} characters, all printable and not all white space."
        )
    return name


def _lifetime(text: str) -> timedelta:
    try:
        lifetime = durations.read(text)
    except ValueError:
        lifetime = None
    if lifetime is None or lifetime > _LONGEST:
        raise CommandError(
            f"--expires-in takes a duration such as 30m, 12h, 90d or 1w2d, up to ten years; not {text!r}."
        )
    return lifetime
