"""Worked rules: complete ones, with their purpose, when they match, when they do not, and what they do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from programs.rulebook.actions import ACTION_TYPES
from programs.rulebook.reference.facts import changes_in_words


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a worked rule. Its `expression`, if any, gives `gives` for the facts with which the rule matches."""

    type: str
    says: Mapping[str, str]
    gives: str = ""

    @property
    def expression(self) -> str:
        """Its field that is written in the language; "" if it has none."""
        fields = ACTION_TYPES[self.type].fields
        return next(
            (
                self.says[name]
                for name in self.says
                if name in fields and fields[name].is_expression
            ),
            "",
        )


@dataclass(frozen=True, slots=True)
class WorkedRule:
    """A worked rule. With `changed` applied to FACTS its condition holds; with `otherwise` it does not, for the `reason`."""

    name: str
    title: str
    purpose: str
    condition: str
    actions: tuple[Action, ...]
    otherwise: Mapping[str, Any]
    reason: str
    changed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> tuple[str, ...]:
        return changes_in_words(self.changed)

    @property
    def other_changes(self) -> tuple[str, ...]:
        return changes_in_words(self.otherwise)


_REFUND: Final = {"event.type": "refund"}
_NO_PURCHASE: Final = 'event.type == "purchase" is false (event.type is "refund")'

WORKED_RULES: Final = (
    WorkedRule(
        "points-for-purchases",
        "One point for each whole unit of currency",
        "A good first rule: every purchase earns points, and cents do not count.",
        'event.type == "purchase"',
        (Action("CREDIT", {"asset": "PTS", "amount": "math.floor(event.amount)"}, "99"),),
        _REFUND,
        _NO_PURCHASE,
    ),
    WorkedRule(
        "cash-back",
        "Five percent cash back, to the cent",
        "Cash back in one currency, rounded to the cent. Half a cent rounds up.",
        'event.type == "purchase" && event.currency == "EUR"',
        (Action("CREDIT", {"asset": "CASH", "amount": "round(event.amount * 0.05, 2)"}, "4.98"),),
        {"event.currency": "USD"},
        'event.currency == "EUR" is false (event.currency is "USD")',
    ),
    WorkedRule(
        "vip-bonus",
        "A bonus for VIPs on the premium plan",
        "Several conditions at once: the type of event, its amount, a tag and an attribute. A tag marks the participant for other rules.",
        'event.type == "purchase"\n&& event.amount > 50\n&& "vip" in participant.tags\n&& participant.attributes.plan == "premium"',
        (
            Action("CREDIT", {"asset": "PTS", "amount": "100"}, "100"),
            Action("TAG", {"tag": "premium-buyer"}),
        ),
        {"event.amount": 50, "participant.tags": ["new"]},
        'event.amount > 50 is false (event.amount is 50); "vip" in participant.tags is false (participant.tags is ["new"])',
    ),
    WorkedRule(
        "welcome-offer",
        "A welcome offer in the first sixty days, once",
        "The tag that the rule sets keeps it from matching again. The points can be spent after thirty days.",
        '!("welcomed" in participant.tags) && now - participant.created_at < duration("1440h")',
        (
            Action("CREDIT", {"asset": "PTS", "amount": "250", "matures_at": "720h"}, "250"),
            Action("TAG", {"tag": "welcomed"}),
            Action("UNTAG", {"tag": "new"}),
        ),
        {"participant.tags": ["vip", "welcomed"]},
        '!("welcomed" in participant.tags) is false (participant.tags is ["vip", "welcomed"])',
    ),
    WorkedRule(
        "tenth-visit",
        "Every tenth visit",
        "Counts visits and rewards every tenth. A credit of zero does nothing, so one rule can do both.",
        'event.type == "visit"',
        (
            Action(
                "CREDIT",
                {
                    "asset": "PTS",
                    "amount": '(get(participant.counters, "visits", 0) + 1) % 10 == 0 ? 500 : 0',
                },
                "500",
            ),
            Action("COUNTER", {"key": "visits", "value": "1"}, "1"),
        ),
        _REFUND,
        'event.type == "visit" is false (event.type is "refund")',
        {"event.type": "visit"},
    ),
    WorkedRule(
        "weekend",
        "Extra points on weekends, in the shop's time zone",
        "Saturday is 6 and Sunday is 0. Without a time zone, the weekend would be in UTC.",
        'event.type == "purchase" && now.getDayOfWeek("Europe/Berlin") in [0, 6]',
        (Action("CREDIT", {"asset": "PTS", "amount": "math.floor(event.amount)"}, "99"),),
        {},
        'now.getDayOfWeek("Europe/Berlin") in [0, 6] is false (now is timestamp("2026-01-15T10:30:00Z"))',
        {"now": datetime(2026, 1, 16, 23, 30, tzinfo=UTC)},
    ),
    WorkedRule(
        "some-products",
        "Points for some products only",
        "Fifty points for each line of the order that is coffee, whatever its quantity.",
        'event.items.exists(i, i.sku.startsWith("COFFEE-"))',
        (
            Action(
                "CREDIT",
                {
                    "asset": "PTS",
                    "amount": 'size(event.items.filter(i, i.sku.startsWith("COFFEE-"))) * 50',
                },
                "50",
            ),
        ),
        {"event.items": [{"sku": "MUG-1"}]},
        'event.items.exists(i, i.sku.startsWith("COFFEE-")) is false (event.items is [{"sku": "MUG-1"}])',
    ),
    WorkedRule(
        "higher-tiers",
        "More for higher tiers, at most 500",
        "A quarter more with each rank of the track “status”. At the base the rank is 0, so has() is not needed.",
        'event.type == "purchase" && participant.tiers.status.rank >= 1',
        (
            Action(
                "CREDIT",
                {
                    "asset": "PTS",
                    "amount": "min(math.floor(event.amount * (1 + 0.25 * participant.tiers.status.rank)), 500)",
                },
                "149",
            ),
        ),
        {"participant.tiers.status": {"level": "", "rank": 0}},
        "participant.tiers.status.rank >= 1 is false (participant.tiers.status.rank is 0)",
    ),
    WorkedRule(
        "birthday-month",
        "A gift in the month of the birthday",
        "If the attribute is missing, it counts as 0, which is never a month. getMonth() counts from 0 and people from 1. Another rule would remove the tag later.",
        'get(participant.attributes, "birth_month", 0) == now.getMonth("Europe/Berlin") + 1\n&& !("congratulated" in participant.tags)',
        (
            Action(
                "CREDIT", {"asset": "PTS", "amount": "300", "description": "Happy birthday!"}, "300"
            ),
            Action("TAG", {"tag": "congratulated"}),
        ),
        {},
        'get(participant.attributes, "birth_month", 0) == now.getMonth("Europe/Berlin") + 1 is false (participant.attributes.birth_month is missing, now is timestamp("2026-01-15T10:30:00Z"))',
        {"participant.attributes.birth_month": 1},
    ),
    WorkedRule(
        "referrals",
        "A reward for the first five referrals",
        "The counter does not exist before the first referral, so the rule uses get().",
        'event.type == "referral" && get(participant.counters, "referrals", 0) < 5',
        (
            Action("CREDIT", {"asset": "PTS", "amount": "200"}, "200"),
            Action("COUNTER", {"key": "referrals", "value": "1"}, "1"),
        ),
        {"event.type": "referral", "participant.counters.referrals": Decimal(5)},
        'get(participant.counters, "referrals", 0) < 5 is false (participant.counters.referrals is 5)',
        {"event.type": "referral"},
    ),
    WorkedRule(
        "refund",
        "Take points back after a refund",
        "As many as the purchase gave. They may already be spent, so the balance may fall below zero.",
        'event.type == "refund"',
        (
            Action(
                "DEBIT",
                {"asset": "PTS", "amount": "math.floor(event.amount)", "allow_negative": "true"},
                "99",
            ),
        ),
        {},
        'event.type == "refund" is false (event.type is "purchase")',
        {"event.type": "refund"},
    ),
    WorkedRule(
        "reserve-points",
        "Set points aside for an order",
        "Only if there are enough points and no coupon was used: coupon is present and null.",
        'event.type == "reservation"\n&& participant.balances.PTS.available >= event.points\n&& event.coupon == null',
        (Action("HOLD", {"asset": "PTS", "amount": "event.points"}, "800"),),
        {"event.type": "reservation", "event.points": 2000},
        "participant.balances.PTS.available >= event.points is false (participant.balances.PTS.available is 1200, event.points is 2000)",
        {"event.type": "reservation", "event.points": 800},
    ),
    WorkedRule(
        "release-points",
        "Give the points back when the order is canceled",
        "Never gives back more than is held.",
        'event.type == "cancellation" && participant.balances.PTS.held > 0',
        (
            Action(
                "RELEASE",
                {"asset": "PTS", "amount": "min(event.points, participant.balances.PTS.held)"},
                "800",
            ),
        ),
        {"event.type": "cancellation", "event.points": 800},
        "participant.balances.PTS.held > 0 is false (participant.balances.PTS.held is 0)",
        {
            "event.type": "cancellation",
            "event.points": 1000,
            "participant.balances.PTS.held": Decimal(800),
        },
    ),
    WorkedRule(
        "gold-at-once",
        "Straight to gold for a large purchase",
        "Participants usually reach levels through counters. This rule puts them on gold directly if they are not there yet.",
        'event.type == "purchase"\n&& event.amount >= 1000\n&& participant.tiers.status.level != "gold"',
        (Action("SET_TIER", {"tier": "status", "level": "gold"}),),
        {"participant.tiers.status": {"level": "silver", "rank": 1}},
        "event.amount >= 1000 is false (event.amount is 99.5)",
        {"event.amount": 1500, "participant.tiers.status": {"level": "silver", "rank": 1}},
    ),
    WorkedRule(
        "last-order",
        "Remember the last order",
        "Sets attributes that other rules can read. The field has a hyphen in its name, and its value must look like an order number.",
        'event["order-id"].matches("^A-[0-9]+$")',
        (
            Action(
                "SET_ATTRIBUTE",
                {"key": "last_order", "expression": 'event["order-id"]'},
                '"A-1001"',
            ),
            Action(
                "SET_ATTRIBUTE",
                {"key": "last_order_at", "expression": "string(now)"},
                '"2026-01-15T10:30:00Z"',
            ),
            Action("SET_ATTRIBUTE", {"key": "channel", "value": "shop"}),
        ),
        {"event.order-id": "B-7"},
        'event["order-id"].matches("^A-[0-9]+$") is false (event["order-id"] is "B-7")',
    ),
    WorkedRule(
        "early-orders",
        "Only for orders reported in time",
        "The event says when the order was placed. An order reported more than two hours later earns nothing.",
        'has(event.when) && now - timestamp(event.when) <= duration("2h")',
        (Action("CREDIT", {"asset": "PTS", "amount": "10"}, "10"),),
        {"event.when": "2026-01-15T08:00:00Z"},
        'now - timestamp(event.when) <= duration("2h") is false (now is timestamp("2026-01-15T10:30:00Z"), event.when is "2026-01-15T08:00:00Z")',
    ),
    WorkedRule(
        "leaving",
        "Forfeit what is left when somebody leaves",
        "Takes everything that is available and removes the tag.",
        'event.type == "membership_ended"',
        (
            Action(
                "FORFEIT", {"asset": "PTS", "amount": "participant.balances.PTS.available"}, "1200"
            ),
            Action("UNTAG", {"tag": "vip"}),
        ),
        {},
        'event.type == "membership_ended" is false (event.type is "purchase")',
        {"event.type": "membership_ended"},
    ),
)
