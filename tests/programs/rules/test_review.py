"""What a host knows of the values is held against an expression: names and texts that it does not have."""

import pytest

from programs import rules
from programs.rulebook.program_names import shapes_of
from programs.rulebook.reference import EXAMPLES, FACTS, FORMS, WORKED_RULES, Ending
from programs.rulebook.vocabulary import ENVIRONMENT
from programs.rules import Review, Shape
from programs.rules.functions import FUNCTIONS

EVENT = Shape(
    "No recent event had {path}.",
    is_open=True,
    fields={
        "type": Shape(),
        "amount": Shape(),
        "order-id": Shape(),
        'a "b"': Shape(),
        "shipping": Shape("No recent event had {path}.", is_open=True, fields={"price": Shape()}),
        "lines": Shape(
            element=Shape("No recent event had {path}.", is_open=True, fields={"sku": Shape()})
        ),
    },
)
SHAPES = shapes_of(["PTS", "GEMS"], {"status": ["silver", "gold"], "club": []}, event=EVENT)


def review(text: str) -> Review:
    return rules.review(rules.checked(text, ENVIRONMENT), SHAPES)


def errors(text: str) -> list[tuple[int, str, str]]:
    return [(each.column, each.offending, each.message) for each in review(text).errors]


_LEVEL = 'The track status has no level "{}".'
_TAG = 'Tags are trimmed and in lower case, so none is "{}".'


@pytest.mark.parametrize(
    ("text", "offending", "message"),
    [
        ("participant.balances.PTSS.available > 1", "participant.balances.PTSS", "This program has no asset with the symbol PTSS. Did you mean PTS?"),
        ("participant.balances.pts.held > 1", "participant.balances.pts", "This program has no asset with the symbol pts. Did you mean PTS?"),
        ('participant.balances["COINS"].held > 1', 'participant.balances["COINS"]', "This program has no asset with the symbol COINS. Known here: PTS, GEMS."),
        ("has(participant.balances.PTSS)", "participant.balances.PTSS", "This program has no asset with the symbol PTSS. Did you mean PTS?"),
        ("get(participant.balances, 'PTSS', {}) == {}", "'PTSS'", "This program has no asset with the symbol PTSS. Did you mean PTS?"),
        ('"PTSS" in participant.balances', '"PTSS"', "This program has no asset with the symbol PTSS. Did you mean PTS?"),
        ('participant.balances.exists(s, s == "PTSS")', '"PTSS"', "This program has no asset with the symbol PTSS. Did you mean \"PTS\"?"),
        ('participant.tiers.statsu.rank > 1', "participant.tiers.statsu", "This program has no tier track statsu. Did you mean status?"),
        ('participant.tiers["vip"].level == ""', 'participant.tiers["vip"]', "This program has no tier track vip. Known here: status, club."),
        ('participant.tiers.status.level == "Gold"', '"Gold"', _LEVEL.format("Gold") + ' Did you mean "gold"?'),
        ('"Gold" == participant.tiers.status.level', '"Gold"', _LEVEL.format("Gold") + ' Did you mean "gold"?'),
        ('participant.tiers.status.level != "bronze"', '"bronze"', _LEVEL.format("bronze") + " Known here: silver, gold."),
        ('participant.tiers["status"]["level"] == "Gold"', '"Gold"', _LEVEL.format("Gold") + ' Did you mean "gold"?'),
        ('participant.tiers.status.level in ["silver", "Gold"]', '"Gold"', _LEVEL.format("Gold") + ' Did you mean "gold"?'),
        ('participant.tiers.status.level == (event.big ? "gold" : "sliver")', '"sliver"', _LEVEL.format("sliver") + ' Did you mean "silver"?'),
        ('participant.tiers.status.level.startsWith("G")', '"G"', _LEVEL.format("G") + " Known here: silver, gold."),
        ('participant.tiers[event.track].level == "diamond"', '"diamond"', 'No track has a level "diamond". Known here: silver, gold.'),
        ('participant.tiers.club.level == "gold"', '"gold"', 'The track club has no level "gold".'),
        ('cel.bind(l, participant.tiers.status.level, l == "Gold" || l == "silver")', '"Gold"', _LEVEL.format("Gold") + ' Did you mean "gold"?'),
        ('get(participant.tiers.status, "level", "") == "Gold"', '"Gold"', _LEVEL.format("Gold") + ' Did you mean "gold"?'),
        ('participant.?tiers.?status.level.orValue("") == "Gold"', '"Gold"', _LEVEL.format("Gold") + ' Did you mean "gold"?'),
        ('participant.?tiers.optMap(t, t.status.level == "Gold").orValue(false)', '"Gold"', _LEVEL.format("Gold") + ' Did you mean "gold"?'),
        ('participant.tiers.all(k, v, v.level == "Gold")', '"Gold"', 'No track has a level "Gold". Did you mean "gold"?'),
        ('participant.tags.sortBy(t, size(t)).first() == "VIP"', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('participant.status == "active"', '"active"', 'participant.status is never "active". Did you mean "ACTIVE"?'),
        ('participant.status in ["ACTIVE", "BLOCKED"]', '"BLOCKED"', 'participant.status is never "BLOCKED". Known here: ACTIVE, SUSPENDED, CLOSED.'),
        ('"VIP" in participant.tags', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('" vip " in participant.tags', '" vip "', _TAG.format(" vip ") + ' Did you mean "vip"?'),
        ('participant.tags == ["vip", "VIP"]', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('["VIP"] != participant.tags.filter(t, t != "x")', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('["status", "club"].map(k, participant.tiers[k].level) == ["gold", "Gold"]', '"Gold"', 'No track has a level "Gold". Did you mean "gold"?'),
        ('!("VIP" in participant.tags)', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('event.x > 1 && ("VIP" in participant.tags ? 2 : 1) > 1', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('(event.old ? "VIP" : "vip") in participant.tags', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('participant.tags.exists(t, t == "VIP")', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('participant.tags.exists(t, t.startsWith("Tier"))', '"Tier"', _TAG.format("Tier") + ' Did you mean "tier"?'),
        ('participant.tags.filter(t, t != "x").exists(t, t == "VIP")', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('participant.tags.exists(t, t in ["vip", "Staff"])', '"Staff"', _TAG.format("Staff") + ' Did you mean "staff"?'),
        ('participant.tags[0] == "VIP"', '"VIP"', _TAG.format("VIP") + ' Did you mean "vip"?'),
        ('sets.contains(participant.tags, ["vip", "Staff"])', '"Staff"', _TAG.format("Staff") + ' Did you mean "staff"?'),
        ('sets.intersects(["A"], participant.tags)', '"A"', _TAG.format("A") + ' Did you mean "a"?'),
        ('event.city.lowerAscii() == "Berlin"', '"Berlin"', 'lowerAscii() gives lower case, which never equals "Berlin". Did you mean "berlin"?'),
        ('event.code.upperAscii() in ["A1", "b2"]', '"b2"', 'upperAscii() gives upper case, which never equals "b2". Did you mean "B2"?'),
        ('event.lines.exists(l, l.sku.lowerAscii() == "A")', '"A"', 'lowerAscii() gives lower case, which never equals "A". Did you mean "a"?'),
    ],
)  # fmt: skip
def test_what_the_host_does_not_have_is_an_error(text: str, offending: str, message: str) -> None:
    assert [each[1:] for each in errors(text)] == [(offending, message)]


@pytest.mark.parametrize(
    "text",
    [
        "participant.balances.PTS.available > 1 && participant.balances['GEMS'].held == 0",
        "participant.balances[event.symbol].available > 1",
        'participant.tiers.status.level == "gold" || participant.tiers.status.level == ""',
        "participant.tiers.status.rank >= 2",
        "participant.tiers.status.level == event.level",
        'participant.tiers[event.track].level == "gold"',
        'participant.tiers.status.level.startsWith("g")',
        'participant.status == "ACTIVE"',
        '"vip" in participant.tags && "größe" in participant.tags && "a b" in participant.tags',
        'event.level == "Gold" && "VIP" in event.tags && event.status in ["active"]',
        'participant.attributes.plan == "Premium" && "VIP" in participant.attributes',
        'event.tags.exists(t, t == "VIP")',
        'participant.tags.map(t, t.upperAscii()).exists(t, t == "VIP")',
        'cel.bind(tags, event.tags, "VIP" in tags)',
        'event.city.lowerAscii() == "münchen" && event.city.lowerAscii() == "ÅRHUS".lowerAscii()',
        "participant.tags == []",
        'program.name == "Club"',
        'get(participant.tiers.status, "level", "none") == "none"',
        'get(participant.tiers.status, "level", event.level) == "none"',
        'participant.?tiers.?status.level.orValue("none") == "none"',
        'participant.tags[?0].orValue("None") == "None"',
        'participant.tags.sortBy(t, t.upperAscii())[0] == "vip"',
    ],
)  # fmt: skip
def test_what_the_host_has_or_does_not_know_is_no_error(text: str) -> None:
    assert errors(text) == []


def test_an_error_stands_where_the_text_does() -> None:
    found = review('event.x == 1 &&\n  participant.tiers.status.level == "Gold"').errors

    assert [(each.line, each.column) for each in found] == [(2, 37)]


_NONE = "No recent event had {}."


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("event.ammount > 5", [_NONE.format("event.ammount") + " Did you mean event.amount?"]),
        ('event["order-ids"] == 1', [_NONE.format('event["order-ids"]') + ' Did you mean event["order-id"]?']),
        ('event["a b"] == 1', [_NONE.format('event["a b"]') + ' Did you mean event["a \\"b\\""]?']),
        ('event["ammount"] > 5', [_NONE.format('event["ammount"]') + " Did you mean event.amount?"]),
        ("event.ammount * event.tpye", [_NONE.format("event.ammount") + " Did you mean event.amount?", _NONE.format("event.tpye") + " Did you mean event.type?"]),
        ("event.coupon.code == 'A'", [_NONE.format("event.coupon")]),
        ("event.shipping.prize > 1", [_NONE.format("event.shipping.prize") + " Did you mean event.shipping.price?"]),
        ("event.lines.exists(l, l.skus == 'A')", [_NONE.format("l.skus") + " Did you mean l.sku?"]),
        ("event.lines[0].skus == 'A'", [_NONE.format("event.lines[0].skus") + " Did you mean event.lines[0].sku?"]),
        ("cel.bind(s, event.shipping, s.prize > 1)", [_NONE.format("s.prize") + " Did you mean s.price?"]),
        # What is read with a guard is meant to be missing now and then.
        ("has(event.coupon)", []),
        ("has(event.coupon.code) && event.coupon.code == 'A'", []),
        ("has(event.coupon) ? event.coupon * 2 : 0", []),
        ("get(event, 'ammount', 0) > 1", []),
        ("get(event.coupon, 'code', '') == 'A'", []),
        ("'ammount' in event", []),
        ("event.type == 'x' && event.lines.size() > 1 && event.shipping.price.cents > 1", []),
        ("event.lines.map(l, l.sku).exists(s, s == 'A')", []),
        ("event[event.type] > 1", []),
    ],
)  # fmt: skip
def test_a_name_that_was_not_seen_is_a_warning(text: str, messages: list[str]) -> None:
    found = review(text)

    assert [each.message for each in found.warnings] == messages
    assert found.errors == []


def test_no_more_is_found_than_anybody_reads() -> None:
    many = " || ".join(f"participant.tiers.t{n}.rank + event.f{n} > 1" for n in range(60))

    found = review(many)

    assert (len(found.errors), len(found.warnings)) == (20, 20)


def test_without_a_host_nothing_is_known() -> None:
    expression = rules.checked('participant.tiers.x.level == "Gold" && event.y', ENVIRONMENT)

    assert rules.review(expression, {}) == Review()


EXPRESSIONS = [
    *(rule.condition for rule in WORKED_RULES),
    *(action.expression for rule in WORKED_RULES for action in rule.actions if action.expression),
    *(example.text for example in EXAMPLES if example.ending != Ending.REFUSED),
    *(form.example for form in FORMS),
    *(function.example for function in FUNCTIONS.values()),
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_nothing_in_the_reference_is_refused_where_its_names_exist(text: str) -> None:
    participant = FACTS["participant"]
    levels = {track: ["bronze", "silver", "gold"] for track in participant["tiers"]}
    shapes = shapes_of(participant["balances"], levels)

    assert rules.review(rules.checked(text, ENVIRONMENT), shapes).errors == []
