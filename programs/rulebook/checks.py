"""Rules checked for their program: what can never work there is an error, what is probably wrong a warning.

What an action's fields name is checked by the fields (`actions.inputs`), what expressions name by `programs.rules.review`,
which compares them with `ProgramNames.shapes`.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from programs.models import Rule, RuleStatus
from programs.models.rules import counted_keys
from programs.rulebook import expressions
from programs.rulebook.actions import review_actions
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames

CHECKED: Final = ("condition", "actions")  # the fields that are checked for the program


def review(
    names: ProgramNames,
    found: Findings,
    *,
    condition: str | None = None,
    actions: Sequence[Mapping[str, Any]] = (),
    within: str = "",
) -> None:
    """Add what is wrong with a condition and with actions, as they are stored, in this program.

    `within` is what comes before the names of the fields.
    """
    if condition is not None:
        path = f"{within}condition"
        expressions.review(condition, names.shapes, found, path)
        if expressions.decision(condition) is False:
            found.warn(path, "unreachable", "This is always false, so the rule never matches.")
    review_actions(actions, names, found, f"{within}actions")


def review_rule(rule: Rule, touched: Collection[str]) -> Findings:
    """Check a rule that is written, under the lock on its program. What is not `touched` is refused for nothing.

    What a rule names may have gone since; that must not block other changes to it.
    """
    found = Findings()
    names = ProgramNames(rule.program_id, counted_keys(rule.actions))
    for name in CHECKED:
        about = found if name in touched else Findings(warnings=found.warnings)
        review(names, about, **{name: getattr(rule, name)})
    _warn_of_unreached(rule, found)
    return found


def _warn_of_unreached(rule: Rule, found: Findings) -> None:
    """Warn where a rule that always matches and stops stands before this one, or where this one is such a rule."""
    if rule.status != RuleStatus.ACTIVE:
        return
    others = Rule.objects.filter(program=rule.program_id, status=RuleStatus.ACTIVE).exclude(
        pk=rule.pk
    )
    stopping = others.filter(
        order__lt=rule.order, stop_after_match=True, active_from=None, active_to=None
    )
    for other in stopping.in_order():
        if expressions.decision(other.condition):
            words = (
                f"This rule is never reached: “{other.name}”, before it, always matches and stops."
            )
            found.warn("order", "unreachable", words)
            return
    stops = rule.stop_after_match and rule.active_from is None and rule.active_to is None
    if stops and expressions.decision(rule.condition):
        after = others.filter(order__gt=rule.order).in_order().first()
        if after is not None:
            words = f"“{after.name}” and what comes after it are never reached: this rule always matches and stops."
            found.warn("stop_after_match", "unreachable", words)
