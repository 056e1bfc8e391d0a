"""Finds stored rules that somebody has to look at."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from programs.models import Program, ProgramStatus, Rule
from programs.rulebook.attention import changes_in, check_unchecked, mistakes_in
from programs.rulebook.program_names import ProgramNames


class Command(BaseCommand):
    help = (
        "Writes a line for each thing in a rule that would be refused if it were written now, and for each that says"
        " something else than when it was written, with the rule and the place. Exits with 1 if there is any. A rule that"
        " has been edited since then says what it means. Changes nothing but the mark that lists filter by."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--program", type=UUID, help="the id of the only program to check")

    def handle(self, *args: Any, **options: Any) -> None:
        for _ in check_unchecked():
            pass
        programs = Program.objects.exclude(status=ProgramStatus.ARCHIVED).order_by("name", "id")
        if options["program"]:
            programs = Program.objects.filter(pk=options["program"])
            if not programs:
                raise CommandError("There is no program with this id.")
        rules = lines = 0
        for program in programs.iterator():
            names = ProgramNames(program.pk)
            for rule in Rule.objects.filter(program=program).current().in_order().iterator():
                rules += 1
                lines += self._report(program, rule, names)
        self.stderr.write(f"checked {rules} rules")
        if lines:
            raise SystemExit(1)

    def _report(self, program: Program, rule: Rule, names: ProgramNames) -> int:
        mistakes = mistakes_in(rule, names)
        if bool(mistakes) is not rule.needs_attention:
            # A process of an earlier version has changed it.
            same = Rule.objects.filter(pk=rule.pk, version=rule.version)
            same.update(needs_attention=bool(mistakes))
        found = [*mistakes, *changes_in(rule)]
        for each in found:
            where = f"{program.name}: “{rule.name}” v{rule.version} ({rule.pk})"
            self.stdout.write(f"{where}: {each.field}: {each.message}")
        return len(found)
