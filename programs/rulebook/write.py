"""Every edit of a program's rules. Each locks the program first, so that orders are given out one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import count, islice
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from programs.kernel.actors import Actor
from programs.kernel.cleaning import Errors
from programs.kernel.database import retried, violated
from programs.kernel.exceptions import (
    FieldError,
    OrderTaken,
    ProgramInactive,
    ProgramNotFound,
    RuleChanged,
    RuleNotFound,
    ValidationFailed,
)
from programs.models import Program, ProgramStatus, Rule, RuleStatus, RuleVersion
from programs.models.rules import MAX_ORDER
from programs.rulebook.actions import refuse_strangers
from programs.rulebook.bodies import NewRule, refuse_empty_window
from programs.rulebook.program_names import ProgramNames

STEP = 10  # between two orders, so that a rule finds its place between two others


@retried
def create(new: NewRule, *, by: Actor) -> Rule:
    """Create the rule with its first version.

    Raises ProgramNotFound, ProgramInactive for an archived program, OrderTaken, and ValidationFailed for an asset, track or
    level that the program has not, and where no order is left.
    """
    with transaction.atomic():
        _refuse_archived(_lock(new.program_id))
        errors = Errors()
        refuse_strangers(new.actions, ProgramNames(new.program_id), errors)
        errors.raise_if_any()
        order = new.order if new.order is not None else _next_order(new.program_id)
        return _added(Rule(**{**asdict(new), "order": order}), by)


@retried
def change(
    rule_id: UUID, values: Mapping[str, Any], *, by: Actor, shown_version: int | None = None
) -> Rule:
    """Give the rule these values (as `clean_change` reads them) and keep a version of it, unless it has them already.

    Raises RuleNotFound, RuleChanged where it is no longer the version that somebody was shown, OrderTaken, and
    ValidationFailed as `create` does and for a window that ends before it begins.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        if shown_version not in (None, rule.version):
            raise RuleChanged
        return _changed(rule, values, by)


@retried
def archive(rule_id: UUID, *, by: Actor) -> None:
    """Take the rule out of use and free its order; it stays as a row, and so do its versions. Raises RuleNotFound."""
    with transaction.atomic():
        _changed(_locked(rule_id), {"status": RuleStatus.ARCHIVED}, by)


@retried
def reorder(program_id: UUID, rule_ids: Sequence[UUID], *, by: Actor) -> list[Rule]:
    """Give the program's rules the orders 10, 20, 30, .. in this order, with a version of each that gets another one.

    Raises ProgramNotFound, and ValidationFailed unless all rules that are not archived are named, each once.
    """
    with transaction.atomic():
        _lock(program_id)
        current = Rule.objects.filter(program=program_id).current().in_bulk()
        if len(rule_ids) != len(current) or current.keys() != set(rule_ids):
            message = "Name every rule of the program that is not archived, each once."
            raise ValidationFailed([FieldError("rule_ids", "invalid", message)])
        wanted = [current[rule_id] for rule_id in rule_ids]
        orders = range(STEP, STEP * len(wanted) + 1, STEP)
        moved = [
            (rule, order) for rule, order in zip(wanted, orders, strict=True) if rule.order != order
        ]
        if moved:
            _move(moved, taken={rule.order for rule in wanted} | set(orders))
            _keep_versions([rule for rule, _ in moved], by)
            Program.objects.filter(pk=program_id).revised()
        return wanted


@retried
def duplicate(rule_id: UUID, *, by: Actor) -> Rule:
    """Create a suspended copy of the rule, after all others of its program.

    Raises RuleNotFound, ProgramInactive for an archived program, and ValidationFailed where no order is left.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        _refuse_archived(rule.program)
        copy = Rule(
            program=rule.program,
            name=f"Copy of {rule.name}"[:255],
            description=rule.description,
            condition=rule.condition,
            actions=rule.actions,
            order=_next_order(rule.program_id),
            stop_after_match=rule.stop_after_match,
            active_from=rule.active_from,
            active_to=rule.active_to,
            status=RuleStatus.SUSPENDED,
        )
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
    """The rule with its program, which is locked."""
    program_ids = Rule.objects.filter(pk=rule_id).values_list("program", flat=True)
    program_id = program_ids.first()
    if program_id is None:
        raise RuleNotFound
    program = _lock(program_id)
    # Read only now: whoever held the lock may have changed it.
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
    _store(rule, force_insert=True)
    _keep_versions([rule], by)
    Program.objects.filter(pk=rule.program_id).revised()
    # As the database has it, like every other answer: its time of creation, its JSON.
    return Rule.objects.get(pk=rule.pk)


def _changed(rule: Rule, values: Mapping[str, Any], by: Actor) -> Rule:
    before = rule.snapshot()
    for name, value in values.items():
        setattr(rule, name, value)
    now = rule.snapshot()
    if now == before:
        return rule
    errors = Errors()
    refuse_empty_window(rule.active_from, rule.active_to, errors)
    # What the actions name may have gone since; that is no reason to refuse another name for the rule.
    if now["actions"] != before["actions"]:
        refuse_strangers(rule.actions, ProgramNames(rule.program_id), errors)
    errors.raise_if_any()
    rule.version += 1
    _store(rule, update_fields=[*values, "version", "updated_at"])
    _keep_versions([rule], by)
    Program.objects.filter(pk=rule.program_id).revised()
    return Rule.objects.get(pk=rule.pk)


def _store(rule: Rule, **options: Any) -> None:
    """Save the rule. Raises OrderTaken, with the name of the rule that has its order."""
    if rule.status == RuleStatus.ACTIVE:
        active = Rule.objects.filter(program=rule.program_id, status=RuleStatus.ACTIVE)
        holder = active.filter(order=rule.order).exclude(pk=rule.pk).first()
        if holder is not None:
            raise _order_taken(f"The rule “{holder.name}” has the order {rule.order}.")
    try:
        rule.save(**options)
    except IntegrityError as error:
        # Only the constraint knows of a rule that somebody writes past the lock.
        if violated(error) != "rule_order_is_unique_among_active":
            raise
        raise _order_taken(OrderTaken.message) from error


def _order_taken(message: str) -> OrderTaken:
    return OrderTaken(message, [FieldError("order", "unique", message)])


def _move(moved: Sequence[tuple[Rule, int]], *, taken: set[int]) -> None:
    """Give each rule its new order. The constraint is met row by row: first they all go where no rule is or will be."""
    free = (order for order in count(MAX_ORDER, -1) if order not in taken)
    rules = [rule for rule, _ in moved]
    for rule, order in zip(rules, islice(free, len(rules)), strict=True):
        rule.order = order
    Rule.objects.bulk_update(rules, ["order"])
    for rule, order in moved:
        rule.order = order
        rule.version += 1
        rule.updated_at = timezone.now()
    Rule.objects.bulk_update(rules, ["order", "version", "updated_at"])


def _keep_versions(rules: Sequence[Rule], by: Actor) -> None:
    RuleVersion.objects.bulk_create(
        RuleVersion(rule=rule, version=rule.version, snapshot=rule.snapshot(), changed_by=str(by))
        for rule in rules
    )
