"""What an event did, in words."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from participants.admin import outcomes
from participants.models import Event, EventStatus

ASSET = "0198c0dd-3f4a-7b5c-8d6e-7f8091a2b3c4"


def moved(kind: str, amount: str, before: str, after: str, **more: Any) -> dict[str, Any]:
    """An effect; the amounts before and after are available, held, deferred."""
    buckets = ("available", "held", "deferred")
    return {
        "type": kind,
        "asset_id": ASSET,
        "amount": amount,
        "before": dict(zip(buckets, before.split(), strict=True)),
        "after": dict(zip(buckets, after.split(), strict=True)),
        **more,
    }


@pytest.mark.parametrize(
    ("effect", "text", "short"),
    [
        (moved("CREDIT", "12", "0 0 0", "12 0 0"), "Credited 12 PTS (available 0 → 12).", "+12 PTS"),
        (moved("CREDIT", "5", "0 0 0", "0 5 0", bucket="HELD"), "Credited 5 PTS to held (held 0 → 5).", "+5 PTS"),
        (moved("CREDIT", "5", "1 0 0", "1 0 5", bucket="DEFERRED"), "Credited 5 PTS to deferred (deferred 0 → 5).", "+5 PTS"),
        (moved("CREDIT", "0.00", "1 0 0", "1 0 0"), "Credited 0.00 PTS: nothing moved.", None),
        (moved("DEBIT", "5", "1 0 0", "-4 0 0"), "Debited 5 PTS (available 1 → -4).", "-5 PTS"),
        (moved("HOLD", "5", "5 0 0", "0 5 0"), "Held 5 PTS (available 5 → 0, held 0 → 5).", "5 PTS held"),
        (moved("RELEASE", "5", "0 5 0", "5 0 0"), "Released 5 PTS (available 0 → 5, held 5 → 0).", "5 PTS released"),
        (moved("FORFEIT", "5", "5 0 0", "0 0 0", bucket="AVAILABLE"), "Forfeited 5 PTS (available 5 → 0).", "-5 PTS forfeited"),
        (moved("FORFEIT", "5", "0 5 0", "0 0 0", bucket="HELD"), "Forfeited 5 PTS of held (held 5 → 0).", "-5 PTS forfeited"),
        ({"type": "TAG", "tag": "vip", "before": False, "after": True}, "Tagged vip.", "tag vip"),
        ({"type": "TAG", "tag": "vip", "before": True, "after": True}, "Had the tag vip.", None),
        ({"type": "UNTAG", "tag": "vip", "before": True, "after": False}, "Took away the tag vip.", "no more tag vip"),
        ({"type": "UNTAG", "tag": "vip", "before": False, "after": False}, "Had no tag vip.", None),
        ({"type": "COUNTER", "key": "n", "value": "2", "before": None, "after": "2"}, "Added 2 to the counter n (new → 2).", "n 2"),
        ({"type": "COUNTER", "key": "n", "value": "-1", "before": "2", "after": "1"}, "Added -1 to the counter n (2 → 1).", "n 1"),
        ({"type": "COUNTER", "key": "n", "value": "1", "before": "2", "after": "3", "late": True, "last_reset_at": "2026-12-24T10:30:00.000000Z"}, "Added 1 to the counter n (2 → 3). The event was late: it counts in the window that began at 2026-12-24 10:30:00 UTC, after it.", "n 3"),
        ({"type": "SET_ATTRIBUTE", "key": "plan", "before": None, "after": "gold"}, 'Set the attribute plan (not set → "gold").', 'plan "gold"'),
        ({"type": "SET_ATTRIBUTE", "key": "n", "before": 1, "after": [1, True]}, "Set the attribute n (1 → [1,true]).", "n [1,true]"),
        ({"type": "SET_TIER", "tier": "club", "level": "gold", "before": "", "after": "gold"}, "Set the level of club (the base → gold).", "club gold"),
        ({"type": "SET_TIER", "tier": "club", "level": "gold", "expires_at": "2026-12-24T10:30:00.000000Z", "before": "", "after": "gold"}, "Lent gold of club until 2026-12-24 10:30:00 UTC (the base → gold).", "club gold"),
        ({"type": "SET_TIER", "tier": "club", "level": "", "pinned": True, "before": "gold", "after": ""}, "Pinned the base of club (gold → the base).", "club the base"),
        ({"type": "SET_TIER", "tier": "club", "level": "gold", "ignored": "Their level on this track is pinned.", "before": "", "after": ""}, "Did not set the level of club: Their level on this track is pinned.", "Nothing changed."),
        ({"type": "SET_TIER", "tier": "club", "level": "", "before": "gold", "after": ""}, "Set the level of club (gold → the base).", "club the base"),
        ({"type": "TELEPORT", "before": 1, "after": 2}, "TELEPORT.", None),
    ],
)  # fmt: skip
def test_what_an_action_did_is_told_in_words(
    effect: dict[str, Any], text: str, short: str | None
) -> None:
    rule = {
        "rule_id": ASSET,
        "rule_name": "R",
        "rule_version": 1,
        "outcome": "matched",
        "reason": "",
    }
    outcome = {"rule_evaluations": [{**rule, "actions": [effect]}]}
    event = Event(status=EventStatus.COMPLETED, outcome=outcome)
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True)

    [shown] = outcomes.rule_descriptions(
        event, outcomes.Reader.of(request, [event], {ASSET: "PTS"})
    )

    assert [each.text for each in shown.effects] == [text]
    assert outcomes.summary(event, {ASSET: "PTS"}) == (short or "Nothing changed.")


def test_the_line_of_a_list_tells_movements_first_and_no_more_than_a_few() -> None:
    tags = [{"type": "TAG", "tag": f"t{n}", "before": False, "after": True} for n in range(5)]
    rule = {"outcome": "matched", "actions": [*tags, moved("CREDIT", "1", "0 0 0", "1 0 0")]}
    event = Event(status=EventStatus.COMPLETED, outcome={"rule_evaluations": [rule]})

    summary = outcomes.summary(event, {ASSET: "PTS"})

    assert summary == "+1 PTS, tag t0, tag t1, tag t2, tag t3, …"
