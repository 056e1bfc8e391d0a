"""Who somebody is stands in no reason: what the environment declares private is shown in none, however it gets there."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from programs import rules
from programs.rulebook.vocabulary import ENVIRONMENT
from programs.rules import EvaluationError, RuleSyntaxError
from programs.rules.functions import FUNCTIONS
from programs.rules.macros import MACROS
from programs.rules.operators import OPERATORS

# Long, so that a search for what gives it away, its length too, finds nothing else.
EMAIL = f"zq7{'x' * 80}@kw4.example"
FACTS: dict[str, Any] = {
    "event": {"key": "email", "amount": 5, "list": [1], "zone": "UTC"},
    "participant": {
        "id": "p",
        "email": EMAIL,
        "first_name": "Zq7",
        "last_name": "Kw4",
        "display_name": "Zq7 Kw4",
        "tags": ["new"],
        "attributes": {},
        "counters": {},
    },
    "program": {"name": "Club", "time_zone": "Europe/Berlin"},
    "now": datetime(2026, 1, 15, tzinfo=UTC),
}
TOKENS = {
    "zq7", "kw4", "7qz", "4wk", str(len(EMAIL)),
    base64.b64encode(EMAIL.encode()).decode()[:8].lower(), EMAIL.encode().hex()[:8],
}  # fmt: skip

# Ways to one of them.
SOURCES = [
    "participant.email", 'participant["email"]', "participant.`email`", "participant.?email.orValue('')",
    "participant[?'email'].value()", "participant[event.key]", "participant[?event.key].orValue('')",
    "get(participant, 'email', '')", "get(participant, event.key, '')", "cel.bind(p, participant, p.email)",
    "[participant][0].email", "[participant].map(p, p.email)[0]", "participant.transformMap(k, v, v).email",
    "dyn(participant).email", "{'a': participant}.a.email", "optional.of(participant).email.value()",
    "participant.?email.optMap(e, e).value()", "(true ? participant : participant).email",
    "participant.display_name", "participant.first_name", "participant.last_name",
]  # fmt: skip
# What a condition may do with it that is false or fails.
USES = [
    "$ == 'nobody'", "'nobody' == $", "$ != $", "$ < 'a'", "$ > 5", "dyn($) > dyn(5)", "$ in ['a']", "'a' in [$]",
    "$ in {'a': 1}", "'a' in {$: 1}", "dyn($)", "!dyn($)", "-dyn($) > 0", "$ + 'x' == 'a'", "dyn($) + 5 == 6",
    "$.size() > 1000", "size($) == 0", "$[0] == 'a'", "dyn($).name == 'a'", "has(dyn($).name)", "dyn($) ? true : false",
    "[1][$] == 1", "[1][$.size()] == 1", "{'a': 1}[$] == 1", "{'a': {}}.a[$] == 1", "{dyn($): 1, $: 2} == {}", "[$] == []",
    "{'a': $} == {}", "[[$]] == [[]]", "dyn($).exists(c, c == 'a')", "[$].exists(e, e == 'a')", "[$].all(e, e == 'a')",
    "[$].filter(e, e == 'a').size() == 1", "[$].map(e, e + '!') == []", "[$].exists_one(e, e.startsWith('a'))",
    "['a'].exists(a, $ == a)", "['a'].all(a, a == $)", "[{'e': $}].exists(o, o.e == 'a')",
    "cel.bind(e, $, e == 'a')", "cel.bind(e, $, e.startsWith('a'))", "cel.bind(e, $, [1].exists(i, e == 'a'))",
    "cel.bind(e, $, int(e) > 5)", "cel.bind(n, size($), n > 1000)", "cel.bind(e, [$], e.exists(x, x == 'a'))",
    "event.?none.orValue($) == 'a'", "get(event, 'none', $) == 'a'", "(true ? $ : 'a') == 'b'", "$ == 'a' ? true : false",
    "$ == 'a' || event.amount > 50", "event.amount > 50 && $ == 'a'", "event.amount > 5 && int($) > 5",
    "int($) > 5 || event.amount > 50", "!($ == $)", "$ == 'a' || int($) > 5", "timestamp($) > now", "duration($) > duration('1h')",
    "date($) > date('2026-01-01')", "int($) > 5", "uint($) > 5", "double($) > 5", "bool($)", "now.getHours($) == 3",
    "'a'.matches($ + '(')", "'a'.matches($)", "($ + '%z').format([1]) == 'a'", "'%d'.format([$]) == 'a'", "'%s'.format([$]) == 'a'",
    "'a'.substring($.size()) == 'a'", "$.substring(0, 10).substring(0, 100) == 'a'", "$.charAt(1000) == 'a'",
    "$.split('@')[0] == 'a'", "$.split('@').exists(p, p == 'a')", "$.split('').map(c, c) == []", "$.indexOf('@', 1000) == 5",
    "{$.size() / 2.0: 1} == {}", "[1, 2][$.size() / 2.0] == 1", "round(5.5, $.size()) == 1", "math.bitNot($.size() + 1) == 1",
    "uint(0 - $.size()) == 1", "optional.of($) == optional.none()", "optional.of($).value() == 'a'", "type($) == int",
    "participant == {}", "participant.exists(k, participant[k] == 'a')", "participant.all(k, v, v == 'a')",
    "participant.map(k, participant[k]).exists(v, v == 'a')", "participant in []", "[participant] == []",
    "string(participant) == 'a'", "participant.transformList(k, v, v) == []",
]  # fmt: skip
# An argument of each kind that is made of it.
MADE_OF = {
    "any": "$", "string": "$", "bytes": "bytes($)", "list": "[$]", "map": "{'a': $}", "number": "size($)", "int": "size($)",
    "whole": "size($)", "optional_type": "optional.of($)", "bool": "($ == 'a')", "timestamp": "timestamp($)",
    "duration": "duration($)",
}  # fmt: skip
OTHERS = {
    "any": "1", "string": "'1'", "bytes": "b'a'", "list": "['a']", "map": "{'a': 1}", "number": "2", "int": "2", "whole": "2",
    "optional_type": "optional.none()", "bool": "true", "timestamp": "now", "duration": "duration('1h')",
}  # fmt: skip


def conditions() -> Iterator[str]:
    for source in SOURCES:
        for use in USES[:1] + USES[30:34]:
            yield use.replace("$", source)
    for use in USES:
        yield use.replace("$", "participant.email")
    for sign in OPERATORS:
        for other in ("'a'", "dyn(5)", "[1]", "now"):
            yield f"(dyn(participant.email) {sign} dyn({other})) == dyn('a')"
            yield f"(dyn({other}) {sign} dyn(participant.email)) == dyn('a')"
    for (name, count), macro in MACROS.items():
        names = ", ".join(["k", "v"][: macro.variables])
        for body in (
            "participant.email == 'a'",
            "dyn(participant.email)",
            "dyn(k) == participant.email",
        ):
            inner = ", ".join([body] * (count - macro.variables))
            for over in ("[participant.email]", "participant", "optional.of(participant.email)"):
                yield f"dyn({over}.{name}({names}, {inner})) == dyn('a')"
    for name, function in FUNCTIONS.items():
        for signature in function.signatures:
            for place in range(len(signature.parameters)):
                kinds = [kind.name for kind in signature.parameters]
                arguments = [
                    (MADE_OF if at == place else OTHERS)[kind] for at, kind in enumerate(kinds)
                ]
                call = f"{name}({', '.join(arguments)})"
                if signature.is_method:
                    call = f"({arguments[0]}).{name}({', '.join(arguments[1:])})"
                call = call.replace("$", "participant.email")
                yield f"dyn({call}) == dyn('nothing')"
                yield f"cel.bind(x, dyn({call}), x == 'nothing')"
                yield f"dyn({call}) > dyn([])"


def gives_away(text: str) -> list[str]:
    return [token for token in TOKENS if token in text.lower()]


@pytest.mark.parametrize("shortcuts", [True, False])
def test_nothing_private_gets_into_a_reason(shortcuts: bool) -> None:
    decided = 0
    for text in dict.fromkeys(conditions()):
        try:
            condition = rules.compile(text, ENVIRONMENT, "bool", shortcuts=shortcuts)
        except RuleSyntaxError:
            continue
        decided += 1
        decision = condition.decide(FACTS)
        told = [decision.reason, str(decision.failure or "")]
        try:
            rules.compile(text, ENVIRONMENT, shortcuts=shortcuts).evaluate(FACTS)
        except EvaluationError as error:
            told += [str(error), error.message]
        assert [each for each in told if gives_away(each)] == [], text
    assert decided > 600


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("participant.email == 'a'", "participant.email == 'a' is false"),
        ("int(participant.email) > 5", 'int(participant.email) > 5: "…" is not a whole number'),
        ("participant.email.endsWith('@example.com')", "participant.email.endsWith('@example.com') is false"),
    ],
)  # fmt: skip
def test_a_reason_without_what_is_private_still_says_what_was_asked(text: str, reason: str) -> None:
    assert rules.compile(text, ENVIRONMENT, "bool").decide(FACTS).reason == reason


@pytest.mark.parametrize(
    "text",
    ["int(event.key) > 5", "int(event.key) > 5 && participant.email == 'a'", "date(event.key) > now"],
)  # fmt: skip
def test_what_else_a_rule_reads_is_quoted(text: str) -> None:
    with pytest.raises(EvaluationError, match=r'"email" is not a'):
        rules.compile(text.partition(" && ")[0], ENVIRONMENT).evaluate(FACTS)

    reason = rules.compile(text, ENVIRONMENT, "bool").decide(FACTS).reason
    assert '"email" is not a' in reason or "participant.email == 'a' is false" in reason
