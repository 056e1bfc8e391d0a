"""The verbs that write rules. Each locks the program first, so that two of them never give out the same order."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import count, islice
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.db.models.functions import Greatest, Now

from programs.exceptions import (
    OrderTaken,
    ProgramInactive,
    ProgramNotFound,
    RuleNotFound,
    RuleVersionNotFound,
)
from programs.kernel.actors import Actor
from programs.kernel.database import retried, violated
from programs.kernel.exceptions import FieldError, ValidationFailed
from programs.models import Program, ProgramStatus, Rule, RuleStatus, RuleVersion
from programs.models.rules import LANGUAGE, MAX_ORDER, counted_keys
from programs.rulebook.attention import changes_in, check_counting, mistakes_in
from programs.rulebook.bodies import (
    FIELDS,
    MAX_NAME_LENGTH,
    NewRule,
    clean_change,
    refuse_empty_window,
)
from programs.rulebook.checks import CHECKED, review_rule
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames
from programs.rulebook.read import changes_since
from programs.rulebook.windows import agree
from programs.versions import refuse_stale

STEP = 10  # between two orders, so that a rule fits between two others


@retried
def create(new: NewRule, *, by: Actor) -> Rule:
    """Create the rule with its first version.

    The rule has `warnings` of what is probably wrong with it. Raises ProgramNotFound, ProgramInactive for an archived
    program, OrderTaken, CounterInUse for another window of a counter than other rules say, and ValidationFailed for what
    can never work in the program, and if no order is left.
    """
    with transaction.atomic():
        _refuse_archived(_lock(new.program_id))
        order = new.order if new.order is not None else _next_order(new.program_id)
        rule = Rule(**{**asdict(new), "order": order}, needs_attention=False)
        found = review_rule(rule, CHECKED)
        found.errors.raise_if_any()
        agree(rule, [])
        return _with_warnings(_added(rule, by), found)


@retried
def change(
    rule_id: UUID, values: Mapping[str, Any], *, by: Actor, shown_version: int | None = None
) -> Rule:
    """Set these values, as `clean_change` returns them, and keep a version if that changes anything.

    Raises RuleNotFound, ChangedMeanwhile if the rule is no longer at `shown_version`, OrderTaken, CounterInUse and
    ValidationFailed as `create` does and for a window that ends before it begins.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        refuse_stale("rule", shown_version, rule.version, partial(changes_since, rule))
        return _changed(rule, values, by)


@retried
def restore(rule_id: UUID, version: int, *, by: Actor) -> Rule:
    """Give the rule back what it was in an old version, as a new one, unless nothing differs.

    It is checked as a change is, against what its program has now. Raises RuleNotFound, RuleVersionNotFound, and what
    `change` raises.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        kept = RuleVersion.objects.filter(rule=rule, version=version).first()
        if kept is None:
            raise RuleVersionNotFound(
                f"The rule has no version {version}; its newest is {rule.version}."
            )
        now, before = rule.snapshot(), kept.snapshot
        # Only what differs, as in a change: what is wrong with the rest was wrong before.
        values = clean_change({name: before[name] for name in FIELDS if before[name] != now[name]})
        return _changed(rule, values, by, restored_from=version)


@retried
def archive(rule_id: UUID, *, by: Actor) -> None:
    """Take the rule out of use and free its order. Its row and its versions stay. Raises RuleNotFound."""
    with transaction.atomic():
        _changed(_locked(rule_id), {"status": RuleStatus.ARCHIVED}, by)


@retried
def reorder(program_id: UUID, rule_ids: Sequence[UUID], *, by: Actor) -> list[Rule]:
    """Put the program's rules in this sequence, and keep a version of each whose order changes: of as few as can be.

    Raises ProgramNotFound, and ValidationFailed unless every rule that is not archived is named once.
    """
    with transaction.atomic():
        _lock(program_id)
        current = Rule.objects.filter(program=program_id).current().in_bulk()
        if len(rule_ids) != len(current) or current.keys() != set(rule_ids):
            message = "Name every rule of the program that is not archived, once each."
            raise ValidationFailed([FieldError("rule_ids", "invalid", message)])
        wanted = [current[rule_id] for rule_id in rule_ids]
        orders = _orders([rule.order for rule in wanted])
        moved = [
            (rule, order) for rule, order in zip(wanted, orders, strict=True) if rule.order != order
        ]
        if moved:
            _move(moved, taken={rule.order for rule in wanted} | set(orders))
            _keep_versions([rule for rule, _ in moved], by)
            Program.objects.filter(pk=program_id).revised()
        return list(Rule.objects.filter(pk__in=rule_ids).in_order())


@retried
def duplicate(rule_id: UUID, *, by: Actor) -> Rule:
    """Create a suspended copy of the rule, after all others of its program.

    Raises RuleNotFound, ProgramInactive for an archived program, and ValidationFailed if no order is left.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        _refuse_archived(rule.program)
        copy = Rule(program=rule.program, **{name: getattr(rule, name) for name in FIELDS})
        copy.name = f"Copy of {rule.name}"[:MAX_NAME_LENGTH]
        copy.order = _next_order(rule.program_id)
        copy.status = RuleStatus.SUSPENDED
        copy.language, copy.needs_attention = rule.language, rule.needs_attention
        return _added(copy, by)


def _lock(program_id: UUID) -> Program:
    program = Program.objects.select_for_update(no_key=True).filter(pk=program_id).first()
    if program is None:
        raise ProgramNotFound
    return program


def _refuse_archived(program: Program) -> None:
    if program.status == ProgramStatus.ARCHIVED:
        raise ProgramInactive("The program is archived; it takes no new rules.")


def _locked(rule_id: UUID) -> Rule:
    """Return the rule with its program, which is locked."""
    program_ids = Rule.objects.filter(pk=rule_id).values_list("program", flat=True)
    program_id = program_ids.first()
    if program_id is None:
        raise RuleNotFound
    program = _lock(program_id)
    # Read after locking: whoever held the lock before may have changed it.
    rule = Rule.objects.get(pk=rule_id)
    rule.program = program
    return rule


def _next_order(program_id: UUID) -> int:
    current = Rule.objects.filter(program=program_id).current()
    order: int = (current.aggregate(highest=Max("order"))["highest"] or 0) + STEP
    if order > MAX_ORDER:
        message = f"No order is left after the highest one, {order - STEP}; reorder the rules, or give an order."
        raise ValidationFailed([FieldError("order", "out_of_range", message)])
    return order


def _added(rule: Rule, by: Actor) -> Rule:
    _save(rule, force_insert=True)
    _keep_versions([rule], by)
    Program.objects.filter(pk=rule.program_id).revised()
    # The database sets the time of creation and normalizes the JSON.
    return Rule.objects.get(pk=rule.pk)


def _changed(
    rule: Rule, values: Mapping[str, Any], by: Actor, restored_from: int | None = None
) -> Rule:
    before = rule.snapshot()
    for name, value in values.items():
        setattr(rule, name, value)
    now = rule.snapshot()
    is_back = before["status"] == RuleStatus.ARCHIVED != now["status"]
    touched = [name for name in CHECKED if is_back or now[name] != before[name]]
    found = review_rule(rule, touched)
    if now == before:
        return _with_warnings(rule, found)
    refuse_empty_window(rule.active_from, rule.active_to, found.errors)
    found.errors.raise_if_any()
    untouched = [name for name in CHECKED if name not in touched]
    if touched and not changes_in(rule, untouched):
        rule.language = LANGUAGE
    if rule.needs_attention is not False:
        rule.needs_attention = bool(mistakes_in(rule, ProgramNames(rule.program_id)))
    if now["status"] != RuleStatus.ARCHIVED:
        agree(rule, [] if is_back else before["actions"])
    rule.version += 1
    _save(rule, update_fields=[*values, "language", "needs_attention", "version", "updated_at"])
    _keep_versions([rule], by, restored_from)
    Program.objects.filter(pk=rule.program_id).revised()
    check_counting(counted_keys([*before["actions"], *rule.actions]))
    return _with_warnings(Rule.objects.get(pk=rule.pk), found)


def _with_warnings(rule: Rule, found: Findings) -> Rule:
    rule.warnings = found.warnings
    return rule


def _save(rule: Rule, **options: Any) -> None:
    """Save the rule. Raises OrderTaken, which names the rule that has its order."""
    if rule.status == RuleStatus.ACTIVE:
        active = Rule.objects.filter(program=rule.program_id, status=RuleStatus.ACTIVE)
        holder = active.filter(order=rule.order).exclude(pk=rule.pk).first()
        if holder is not None:
            raise _order_taken(f"The rule “{holder.name}” has the order {rule.order}.")
    try:
        rule.save(**options)
    except IntegrityError as error:
        # A rule that was written without the lock is only seen by the constraint.
        if violated(error) != "rule_order_is_unique_among_active":
            raise
        raise _order_taken(OrderTaken.message) from error


def _order_taken(message: str) -> OrderTaken:
    return OrderTaken(message, [FieldError("order", "unique", message)])


def _orders(now: Sequence[int]) -> list[int]:
    """Return orders that rise, where as many as can be are what they are now.

    Those stay that are the longest run to rise with room for whatever comes between them: one whose order less its
    place never falls.
    """
    longest: list[int] = []  # by its length, the place where a run ends lowest
    before: dict[int, int | None] = {}
    slack = [order - place for place, order in enumerate(now)]
    for place, room in enumerate(slack):
        if not 1 <= room <= MAX_ORDER - len(now) + 1:
            continue  # those before or after it would not fit
        length = bisect_right(longest, room, key=slack.__getitem__)
        before[place] = longest[length - 1] if length else None
        longest[length : length + 1] = [place]
    kept = []
    last = longest[-1] if longest else None
    while last is not None:
        kept.append(last)
        last = before[last]
    orders: list[int] = []
    for place in [*reversed(kept), len(now)]:
        low, between = orders[-1] if orders else 0, place - len(orders)
        high = min(low + STEP * (between + 1), MAX_ORDER + 1) if place == len(now) else now[place]
        orders += [low + (high - low) * step // (between + 1) for step in range(1, between + 1)]
        orders += now[place : place + 1]
    return orders


def _move(moved: Sequence[tuple[Rule, int]], *, taken: set[int]) -> None:
    """Give each rule its new order.

    The constraint is checked row by row, so all rules first go to orders that no rule has or gets.
    """
    free = (order for order in count(MAX_ORDER, -1) if order not in taken)
    rules = [rule for rule, _ in moved]
    for rule, order in zip(rules, islice(free, len(rules)), strict=True):
        rule.order = order
    Rule.objects.bulk_update(rules, ["order"])
    for rule, order in moved:
        rule.order = order
        rule.version += 1
        rule.updated_at = Greatest(Now(), F("created_at"))
    Rule.objects.bulk_update(rules, ["order", "version", "updated_at"])


def _keep_versions(rules: Sequence[Rule], by: Actor, restored_from: int | None = None) -> None:
    RuleVersion.objects.bulk_create(
        RuleVersion(
            rule=rule,
            version=rule.version,
            snapshot=rule.snapshot(),
            changed_by=str(by),
            restored_from=restored_from,
        )
        for rule in rules
    )
