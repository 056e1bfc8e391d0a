"""Windows of counters. A counter belongs to the participant, across programs, so all rules that count it agree on its window."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import BooleanField, Func, JSONField, Value

from programs.exceptions import CounterInUse
from programs.kernel.exceptions import FieldError
from programs.models import Rule, RuleCounter
from programs.models.rules import RuleQuerySet
from programs.rulebook.actions import Counter


class Window(NamedTuple):
    """When a counter starts at 0 again: after a duration, with a calendar period, or (both empty) never."""

    reset_after: str = ""
    reset: str = ""

    def __str__(self) -> str:
        if self.reset:
            return f"resets each {self.reset}"
        return f"resets after {self.reset_after}" if self.reset_after else "never resets"

    @property
    def field(self) -> str:
        return "reset" if self.reset else "reset_after"


class Counting(NamedTuple):
    """An action that counts: where it stands, the counter and its window."""

    path: str
    key: str
    window: Window


def countings(actions: Sequence[Mapping[str, Any]]) -> Iterator[Counting]:
    """Yield what of these stored actions counts."""
    for index, action in enumerate(actions):
        if action.get("type") == Counter.type and isinstance(action.get("key"), str):
            window = Window(action.get("reset_after") or "", action.get("reset") or "")
            yield Counting(f"actions[{index}]", action["key"], window)


def agree(rule: Rule, before: Sequence[Mapping[str, Any]]) -> None:
    """Refuse the rule if it counts in another window than a rule of any program. Raises CounterInUse.

    What its actions said `before` is not refused. Call it last before the rule is saved, in the transaction that locks its
    program.
    """
    stood = {(each.key, each.window) for each in countings(before)}
    new = [each for each in countings(rule.actions) if (each.key, each.window) not in stood]
    if not new:
        return
    # Two rules of different programs have no other lock in common.
    keys = sorted({each.key for each in new})
    RuleCounter.objects.bulk_create([RuleCounter(key=key) for key in keys], ignore_conflicts=True)
    list(RuleCounter.objects.select_for_update().filter(key__in=keys).order_by("key"))
    refused = disagreements(rule, new)
    if refused:
        raise CounterInUse(refused[0].message, refused)


def disagreements(rule: Rule, counted: Sequence[Counting] | None = None) -> list[FieldError]:
    """Return where the rule, or these parts of it, count in another window than another current rule."""
    found = []
    for each in countings(rule.actions) if counted is None else counted:
        other = _other(rule, each)
        if other is not None:
            holder, window = other
            message = (
                f"The counter {each.key} has one window everywhere, and here it {each.window}. In the rule “{holder.name}”"
                f" ({holder.program.name}) it {window}."
            )
            found.append(FieldError(f"{each.path}.{each.window.field}", "in_use", message))
    return found


def _other(rule: Rule, counting: Counting) -> tuple[Rule, Window] | None:
    """The first rule that says another window, with that."""
    for window in _windows(rule, counting.key):
        if window != counting.window:
            return rule, window  # within one rule
    others = counting_rules([counting.key]).exclude(pk=rule.pk)
    # PostgreSQL compares: thousands of rules may count this counter, and hardly one of them differs.
    other = others.filter(_SaysAnotherWindow(*counting[1:])).first()
    if other is None:
        return None
    windows = _windows(other, counting.key)
    return other, next(window for window in windows if window != counting.window)


def _is_same(field: str) -> str:
    # What a rule leaves out, or has as null, is empty.
    is_empty = f'!exists(@.{field} ? (@ != null && @ != ""))'
    return f'(@.{field} == ${field} || ${field} == "" && {is_empty})'


class _SaysAnotherWindow(Func):
    """Whether an action of a rule counts this counter in another window than this one; as `countings` reads it."""

    function = "jsonb_path_exists"
    output_field = BooleanField()
    path = f"""$[*] ? (@.type == "{Counter.type}" && @.key == $key
        && !({_is_same("reset_after")} && {_is_same("reset")}))"""

    def __init__(self, key: str, window: Window) -> None:
        wanted = {"key": key, **window._asdict()}
        super().__init__("actions", Value(self.path), Value(wanted, output_field=JSONField()))


def _windows(rule: Rule, key: str) -> Iterator[Window]:
    return (each.window for each in countings(rule.actions) if each.key == key)


def counting_rules(keys: Collection[str]) -> RuleQuerySet:
    """Return the current rules of all programs that count one of these counters."""
    rules = Rule.objects.current().counting(keys).select_related("program")
    return rules.order_by("created_at", "id")
