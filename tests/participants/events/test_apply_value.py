"""What an event does to balances in memory."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from participants.ledger.book import Maturity
from programs.kernel.decimals import LARGEST, written
from tests.participants.events.in_memory import (
    ASSETS,
    HAPPENED,
    a_level,
    a_rule,
    a_track,
    amounts,
    count,
    counter,
    credit,
    effects,
    move,
    outcomes,
    refusal,
    run,
    set_attribute,
    somebody,
    tag,
)

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)  # of processing
PROGRAM, EVENT, ANA = UUID(int=7), UUID(int=8), UUID(int=9)
POINTS, WEI, CAPPED, FOREIGN = (UUID(int=number) for number in range(1, 5))
NOTHING = {"available": "0.00", "held": "0.00", "deferred": "0.00"}


@pytest.mark.parametrize(
    ("action", "after", "bucket"),
    [
        (credit("1.5"), ("11.5", "5", "0"), "AVAILABLE"),
        (credit("1.5", bucket="HELD"), ("10", "6.5", "0"), "HELD"),
        (move("DEBIT", "10"), ("0", "5", "0"), None),
        (move("DEBIT", "10.01", allow_negative=True), ("-0.01", "5", "0"), None),
        (move("HOLD", "4"), ("6", "9", "0"), None),
        (move("RELEASE", "4"), ("14", "1", "0"), None),
        (move("FORFEIT", "4"), ("6", "5", "0"), "AVAILABLE"),
        (move("FORFEIT", "5", bucket="HELD"), ("10", "0", "0"), "HELD"),
    ],
)
def test_a_movement_changes_the_buckets_and_tells_before_and_after(
    action: dict[str, Any], after: tuple[str, ...], bucket: str | None
) -> None:
    ana = somebody(available="10", held="5")

    outcome = run(ana, a_rule(action))

    assert outcome.status == "COMPLETED"
    assert amounts(ana) == after
    available, held, deferred = (f"{Decimal(each):.2f}" for each in after)
    [effect] = effects(outcome)
    assert effect == {
        "type": action["type"],
        "asset_id": str(POINTS),
        "amount": f"{Decimal(action['amount']):.2f}",
        **({"bucket": bucket} if bucket else {}),
        "before": {"available": "10.00", "held": "5.00", "deferred": "0.00"},
        "after": {"available": available, "held": held, "deferred": deferred},
    }
    [entry] = ana.book.entries
    told = outcome.rule_evaluations[0]["actions"][0]
    assert told["journal_entry_id"] == str(entry.id)
    assert (entry.sequence, entry.event_id) == (6, EVENT)
    assert (entry.description, entry.created_by) == ("R", "rule:R v1")


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (move("DEBIT", "10.01"), "insufficient_balance"),
        (move("HOLD", "10.01"), "insufficient_balance"),
        (move("RELEASE", "5.01"), "insufficient_balance"),
        (move("FORFEIT", "10.01"), "insufficient_balance"),
        (move("FORFEIT", "5.01", bucket="HELD"), "insufficient_balance"),
        (move("FORFEIT", "0.01", bucket="DEFERRED"), "insufficient_balance"),
        (credit("-0.001 * event.one"), "validation_failed"),
        (move("DEBIT", "0 - 5 * event.one"), "validation_failed"),
        (credit("1", asset=FOREIGN), "asset_not_linked"),
        (credit("101", asset=CAPPED), "max_transaction_exceeded"),
        (move("DEBIT", "101", asset=CAPPED), "max_transaction_exceeded"),
        (credit("99999999999999999990"), "amount_out_of_range"),
        (credit("100000000000000000000.0 * event.one"), "amount_out_of_range"),
        (credit("1.0e900 * event.one"), "amount_out_of_range"),
        (credit("event.nothing"), "evaluation_failed"),
        (credit("1 / (size(event) * 0)"), "evaluation_failed"),
        (credit("event.word"), "evaluation_failed"),
    ],
)
def test_a_movement_that_is_refused_is_undone_with_its_rule_and_says_why(
    action: dict[str, Any], code: str
) -> None:
    ana = somebody(available="10", held="5")
    before = deepcopy((ana.person, ana.book))

    outcome = run(ana, a_rule(tag("x"), action), data={"word": "ten", "one": 1})

    assert outcome.status == ("FAILED" if code == "insufficient_balance" else "COMPLETED")
    if outcome.failure is not None:
        assert (outcome.failure["code"], outcome.failure["action"]) == (code, 1)
        assert outcome.failure["message"] == outcome.rule_evaluations[0]["reason"]
    assert outcome.rule_evaluations[0]["reason"].startswith(f"{action['type']}: ")
    assert outcomes(outcome) == ["failed"]
    [tagged, refused] = effects(outcome)
    assert tagged["undone"] is True
    assert (refused["type"], refused["error"]["code"]) == (action["type"], code)
    assert (ana.person, ana.book) == before


@pytest.mark.parametrize(
    ("amount", "asset", "moved"),
    [
        ("0.019", POINTS, "0.01"),
        ("0.999999999999999999", POINTS, "0.99"),
        ("1.0 / 3.0", POINTS, "0.33"),
        ("2.0 / 3.0", WEI, "0.666666666666666666"),
        ("100 / 3 * 3", POINTS, "100"),
        ("event.amount / 7 * 7", WEI, "1234567890123456.78"),
        ("15 / 100 * 100", POINTS, "15"),
        ("size([5]) / 4 * 100", POINTS, "25"),
        ("12345678901234567890.99999", POINTS, "12345678901234567890.99"),
        # 25 digits and more: nothing of it goes through Python's own 28 digits
        ("9999999999999999999.9999999", POINTS, "9999999999999999999.99"),
        ("12345678901234567890.123456789012345678", WEI, "12345678901234567890.123456789012345678"),
        (
            "1234567890123456789.0 * 1.000000000000000001",
            WEI,
            "1234567890123456790.234567890123456789",
        ),
        ("event.amount * 0.05", POINTS, "61728394506172.83"),
    ],
)
def test_an_amount_is_rounded_down_to_the_scale_and_loses_no_other_digit(
    amount: str, asset: UUID, moved: str
) -> None:
    ana = somebody()

    outcome = run(
        ana, a_rule(credit(amount, asset=asset)), data={"amount": Decimal("1234567890123456.78")}
    )

    assert refusal(outcome) is None
    assert effects(outcome)[0]["amount"] == written(Decimal(moved), ASSETS[asset].scale)
    assert amounts(ana, asset)[0] == moved


@pytest.mark.parametrize("kind", ["CREDIT", "DEBIT", "HOLD", "RELEASE", "FORFEIT"])
@pytest.mark.parametrize("amount", ["0", "0.009", "0.0 * 5.0", "1.0e-900"])
def test_nothing_moves_where_the_amount_is_zero_or_rounds_to_it(kind: str, amount: str) -> None:
    ana = somebody()
    before = deepcopy((ana.person, ana.book))

    outcome = run(ana, a_rule(move(kind, amount)))

    assert outcome.status == "COMPLETED"
    [effect] = outcome.rule_evaluations[0]["actions"]
    assert (effect["amount"], effect["journal_entry_id"]) == ("0.00", None)
    assert (effect["before"], effect["after"]) == (NOTHING, NOTHING)
    assert (ana.person, ana.book) == before


@pytest.mark.parametrize(
    ("amount", "is_refused"),
    [
        ("event.paid / 3 * 3 - event.paid", False),
        ("event.paid - event.paid / 7 * 7", False),
        ("0 - event.paid / 1e20", True),
        ("0 - event.paid * 1e900", True),
    ],
)
def test_what_is_zero_on_paper_is_not_below_zero(amount: str, is_refused: bool) -> None:
    outcome = run(somebody(), a_rule(credit(amount)), data={"paid": 100})

    [evaluation] = outcome.rule_evaluations
    assert ("cannot be below zero" in evaluation["reason"]) is is_refused
    assert (effects(outcome)[0].get("amount") == "0.00") is not is_refused


def test_the_largest_amount_fits_and_one_more_does_not() -> None:
    ana = somebody()
    largest = f"{LARGEST:f}"

    assert refusal(run(ana, a_rule(credit(largest, asset=WEI)))) is None
    outcome = run(ana, a_rule(credit("0.000000000000000001", asset=WEI)))

    refused = refusal(outcome)
    assert refused is not None
    assert refused["code"] == "amount_out_of_range"
    assert amounts(ana, WEI)[0] == largest


@pytest.mark.parametrize(
    ("matures_at", "when"),
    [
        ("720h", HAPPENED + timedelta(days=30)),
        ("86401s", MOMENT + timedelta(seconds=1)),
        ("2026-12-24T00:00:00Z", datetime(2026, 12, 24, tzinfo=UTC)),
    ],
)
def test_a_credit_that_matures_later_is_deferred(matures_at: str, when: datetime) -> None:
    ana = somebody()

    outcome = run(ana, a_rule(credit("5", matures_at=matures_at)))

    assert amounts(ana) == ("0", "0", "5")
    assert effects(outcome)[0]["bucket"] == "DEFERRED"
    [waiting] = ana.book.touched.values()
    assert (waiting.amount, waiting.matures_at) == (Decimal(5), when)


@pytest.mark.parametrize(
    "matures_at",
    ["2026-11-23T12:00:00Z", "2020-01-01T00:00:00Z", "1s", "24h"],  # it happened a day ago
)
def test_a_time_that_has_passed_defers_nothing(matures_at: str) -> None:
    ana = somebody()

    outcome = run(ana, a_rule(credit("5", matures_at=matures_at)))

    assert amounts(ana) == ("5", "0", "0")
    assert effects(outcome)[0]["bucket"] == "AVAILABLE"
    assert ana.book.touched == {}


def test_a_forfeit_of_what_is_deferred_takes_what_matures_last() -> None:
    ana = somebody(deferred="8")
    soon, late = UUID(int=31), UUID(int=32)
    for credit_id, amount, days in ((soon, "5", 1), (late, "3", 2)):
        ana.book.maturities[credit_id] = Maturity(
            credit_id, credit_id, POINTS, PROGRAM, Decimal(amount), MOMENT + timedelta(days)
        )

    outcome = run(
        ana, a_rule(move("FORFEIT", "4", bucket="DEFERRED"), credit("1", matures_at="25h"))
    )

    assert refusal(outcome) is None
    assert amounts(ana) == ("0", "0", "5")
    assert {key: each.amount for key, each in ana.book.touched.items() if key in (soon, late)} == {
        late: 0,
        soon: 4,
    }


def test_two_programs_that_share_an_asset_see_one_balance_and_later_actions_see_earlier_ones() -> (
    None
):
    ana = somebody(available="1")

    outcome = run(
        ana,
        a_rule(
            credit("participant.balances.PTS.available * 2"),
            credit("participant.balances.PTS.available * 2"),
            move("HOLD", "participant.balances.PTS.available"),
            credit("participant.balances.PTS.held"),
        ),
        a_rule(
            count("participant.balances.PTS.available"),
            condition="participant.balances.PTS.held == 9",
        ),
    )

    assert outcomes(outcome) == ["matched", "matched"]
    assert amounts(ana) == ("9", "9", "0")
    assert ana.person.counters["visits"].value == 9


# Who may not


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
@pytest.mark.parametrize(
    "action",
    [
        *(move(kind, "1") for kind in ("CREDIT", "DEBIT", "HOLD", "RELEASE", "FORFEIT")),
        move("FORFEIT", "1", bucket="HELD"),
        credit("0"),
        count("1"),
    ],
)
def test_who_is_not_active_neither_earns_nor_spends(status: str, action: dict[str, Any]) -> None:
    ana = somebody(available="5", held="5", status=status)
    before = deepcopy((ana.person, ana.book))

    outcome = run(ana, a_rule(tag("seen"), action))

    assert outcome.failure is not None
    assert (outcome.failure["code"], outcome.failure["action"]) == ("participant_inactive", 1)
    assert (ana.person, ana.book) == before


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
def test_who_is_not_active_is_still_tagged_described_and_ranked(status: str) -> None:
    ana = somebody(tags=["old"], counters={"visits": counter("5")}, status=status)
    track = a_track(a_level("gold", 2, ("visits", ">=", "5")), a_level("silver", 1))
    actions = [
        tag("new"),
        {"type": "UNTAG", "tag": "old"},
        set_attribute("'x'"),
        {"type": "SET_TIER", "tier": "club", "level": "silver"},
    ]

    outcome = run(ana, a_rule(*actions), tracks=(track,))

    assert refusal(outcome) is None
    assert (ana.person.tags, ana.person.attributes) == (["new"], {"k": "x"})
    assert ana.level_on(track) == ("silver", 1)
    outcome = run(ana, a_rule(), tracks=(track,))
    assert ana.level_on(track) == ("gold", 2)
    assert outcome.tier_changes == [{"tier": "club", "before": "silver", "after": "gold"}]
