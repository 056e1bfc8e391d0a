"""Example expressions with their results, for what the tables of operators and functions leave open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from programs.rulebook.reference.facts import changes_in_words
from programs.rules.expression import Result


class Outcome(StrEnum):
    VALUE = "gives"
    NO_VALUE = "no value"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Example:
    """An example. With `changed` applied to FACTS, `text` gives `gives`: a value, or the reason why there is none."""

    title: str
    text: str
    result: Result | None
    gives: str
    changed: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = Outcome.VALUE

    @property
    def changes(self) -> tuple[str, ...]:
        return changes_in_words(self.changed)


_LONG: Final = Decimal("1234567890123456789.012345")

VALUES: Final = (
    Example("int, a whole number", "type(50) == int", "bool", "true"),
    Example("double, an exact decimal", "type(99.5) == double", "bool", "true"),
    Example("string, text in either kind of quotes", "\"gold\" == 'gold'", "bool", "true"),
    Example("bool, true or false", "type(false) == bool", "bool", "true"),
    Example("list", "[1, 2.5, 3][1]", "number", "2.5"),
    Example("map, keys or fields with their values", '{"gold": 2, "silver": 1}.gold', "number", "2"),
    Example("timestamp, a point in time", 'timestamp("2026-01-15T12:30:00+02:00") == now', "bool", "true"),
    Example("duration, a length of time", 'duration("90m") == duration("1h30m")', "bool", "true"),
    Example("bytes, which some functions use", 'bytes("gold") == b"gold"', "bool", "true"),
    Example("null_type, the type of null: a field that is present but empty", "event.coupon == null", "bool", "true"),
    Example("A comment runs to the end of its line", "1 + 1 // one and one", "number", "2"),
)  # fmt: skip

EXACT_NUMBERS: Final = (
    Example("The same result as on paper", "0.1 + 0.2 == 0.3", "bool", "true"),
    Example("50, 50.0 and 50.00 are the same number", "event.amount == 50", "bool", "true", {"event.amount": Decimal("50.0")}),
    Example("A whole number", "event.amount * 10", "number", "500", {"event.amount": 50}),
    Example("The same with a decimal", "event.amount * 10", "number", "500", {"event.amount": Decimal("50.0")}),
    Example("A fraction", "event.amount * 10", "number", "995", {"event.amount": Decimal("99.5")}),
    Example("25 digits, all kept", "event.amount * 10", "number", "12345678901234567890.12345", {"event.amount": _LONG}),
    Example("A third of 50, to 50 digits", "event.amount / 3", "number", "16.666666666666666666666666666666666666666666666667", {"event.amount": 50}),
    Example("A third of 99.5", "event.amount / 3", "number", "33.166666666666666666666666666666666666666666666667"),
    Example("A third of a long number that is divisible by three", "event.amount / 3", "number", "411522630041152263.004115", {"event.amount": _LONG}),
    Example("Five percent, to the cent", "round(event.amount * 0.05, 2)", "number", "4.98"),
    Example("Half a cent is rounded away from zero", "round(event.amount * 0.05, 2)", "number", "0.01", {"event.amount": Decimal("0.1")}),
    Example("Below zero too", "round(-2.5)", "number", "-3"),
    Example("Always down instead", "math.floor(event.amount)", "number", "99"),
    Example("To full tens", "round(event.amount, -1)", "number", "100"),
    Example("Two whole numbers written in the rule, which is nearly always a mistake", "5 / 100 * event.amount", "number", "Dividing two whole numbers drops the remainder: 5 / 100 would be 0. Did you mean 5.0 / 100?", outcome=Outcome.REFUSED),
    Example("With a decimal point, it does what was meant", "5.0 / 100 * event.amount", "number", "4.975"),
    Example("Counts are whole numbers, so dividing them drops the remainder", "size(event.items) / 4", "number", "0"),
    Example("Unless one of them is a decimal", "size(event.items) / 4.0", "number", "0.5"),
    Example("Division by zero has no result", "event.amount / 0", "number", "Division by zero.", outcome=Outcome.NO_VALUE),
    Example("A number never equals text", 'event.amount == "99.5"', "bool", "false"),
    Example("Unless you convert the text to a number", 'double("99.50") == event.amount', "bool", "true"),
)  # fmt: skip

MISSING_FIELDS: Final = (
    Example("A missing field has no value, so the rule is skipped", "event.discount == 0", "bool", "event.discount is missing.", outcome=Outcome.NO_VALUE),
    Example("The opposite has no value either", "event.discount != 0", "bool", "event.discount is missing.", outcome=Outcome.NO_VALUE),
    Example("Nor does its negation", "!(event.discount > 5)", "bool", "event.discount is missing.", outcome=Outcome.NO_VALUE),
    Example("has() checks first", "has(event.discount) && event.discount > 5", "bool", "false"),
    Example("get() gives a default", 'get(event, "discount", 0) == 0', "bool", "true"),
    Example("A counter that may not exist yet", 'get(participant.counters, "referrals", 0) >= 3', "bool", "false"),
    Example("A field within a field that may be missing", 'get(get(event, "shipping", {}), "price", 0)', "number", "0"),
    Example("A field that contains null is present", "has(event.coupon)", "bool", "true"),
    Example("If one side decides the result, the other may be missing", 'event.discount > 5 || event.type == "purchase"', "bool", "true"),
    Example("A position that the list does not have", "event.items[5].price", "number", "event.items[5] is missing: the list has 2 elements.", outcome=Outcome.NO_VALUE),
    Example("A field that participants never have is caught when you save the rule", "participant.tgas == []", "bool", 'participant has no field "tgas". Did you mean participant.tags?', outcome=Outcome.REFUSED),
    Example("Names with a hyphen need quotes", 'event.order-id == "A-1001"', "bool", 'order-id is read as a subtraction. For the field with that name, write event["order-id"] or event.`order-id`.', outcome=Outcome.REFUSED),
)  # fmt: skip

TIMES: Final = (
    Example("Times in event data are text until timestamp() reads them", 'now - timestamp(event.when) <= duration("2h")', "bool", "true"),
    Example("Text is not a time by itself", "event.when < now", "bool", "Cannot compare text with a time.", outcome=Outcome.NO_VALUE),
    Example("In the first sixty days: durations use hours, minutes and seconds", 'now - participant.created_at < duration("1440h")', "bool", "true"),
    Example("There is no unit for days, because not every day has 24 hours", 'now - duration("2d") < now', "bool", '"2d" is not a duration. Write it like "36h", "90m" or "1h30m".', outcome=Outcome.NO_VALUE),
    Example("The hour in UTC", "now.getHours()", "number", "10"),
    Example("The hour in the shop's time zone", 'now.getHours("Europe/Berlin")', "number", "11"),
    Example("An evening in UTC may already be the next day there", 'now.getDate("Europe/Berlin")', "number", "16", {"now": datetime(2026, 1, 15, 23, 30, tzinfo=UTC)}),
    Example("The day of the week, starting with Sunday as 0: a Thursday", "now.getDayOfWeek()", "number", "4"),
    Example("On the weekend", 'now.getDayOfWeek("Europe/Berlin") in [0, 6]', "bool", "false"),
    Example("Months count from 0: this is January", "now.getMonth()", "number", "0"),
    Example("Days of the month count from 1 with getDate()", "now.getDate()", "number", "15"),
    Example("Between two moments", 'now >= timestamp("2026-01-01T00:00:00+01:00") && now < timestamp("2026-02-01T00:00:00+01:00")', "bool", "true"),
    Example("The number of whole days", "(now - participant.created_at).getHours() / 24", "number", "45"),
)  # fmt: skip

EXAMPLES: Final = VALUES + EXACT_NUMBERS + MISSING_FIELDS + TIMES
