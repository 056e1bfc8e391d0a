"""Names of a program that its rules use: they cannot be taken away while a current rule names them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from programs.exceptions import InUse
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Program, Rule
from programs.rulebook.attention import check_again
from programs.rulebook.checks import review
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames

MAX_NAMED = 10  # rules that a refusal names


@contextmanager
def names_changing(program_ids: Iterable[UUID], field: str) -> Iterator[None]:
    """Lock these programs, in whose transaction the block changes their names: symbols, tracks, levels.

    Raises InUse, about this field, where a current rule names what is gone then.
    """
    # A rule is checked under the same lock, so none that names it is written meanwhile.
    programs = Program.objects.select_for_update(no_key=True).order_by("pk")
    locked = list(programs.filter(pk__in=program_ids).values_list("pk", flat=True))
    before = [ProgramNames(program_id).read() for program_id in locked]
    yield
    check_again(locked)
    broken = [
        rule for names in before for rule in broken_rules(names, ProgramNames(names.program_id))
    ]
    if broken:
        raise _in_use(broken, field)


def broken_rules(before: ProgramNames, after: ProgramNames) -> list[Rule]:
    """Return the program's current rules that name what it has before and not after."""
    gone = {name for *_, name in before.all - after.all}
    if not gone:
        return []
    rules = Rule.objects.filter(program=before.program_id).current().select_related("program")
    rules = rules.alias(actions_text=Cast("actions", TextField()))
    # Only a rule whose text has the name can name it; a backslash may spell it in another way.
    parts = [Q(**{f"{name}__contains": word}) for word in (*gone, "\\") for name in _TEXTS]
    candidates = rules.filter(reduce(or_, parts)).in_order()
    return [rule for rule in candidates if _mistakes(rule, after) - _mistakes(rule, before)]


_TEXTS = ("condition", "actions_text")


def _mistakes(rule: Rule, names: ProgramNames) -> set[tuple[Any, ...]]:
    found = Findings()
    with suppress(ValidationFailed):  # more than anybody reads
        review(names, found, condition=rule.condition, actions=rule.actions)
    return {(each.field, each.reason, each.position) for each in found.errors}


def _in_use(rules: Sequence[Rule], field: str) -> InUse:
    named = [f"“{rule.name}” ({rule.program.name})" for rule in rules[:MAX_NAMED]]
    more = f" and {len(rules) - MAX_NAMED} more" if len(rules) > MAX_NAMED else ""
    words = "A rule still names it" if len(rules) == 1 else "Rules still name it"
    message = f"{words}: {', '.join(named)}{more}. Change or archive that first."
    return InUse(message, [FieldError(field, "in_use", message)])
