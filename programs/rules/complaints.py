"""Syntax errors in words: what was found, what was expected instead, and what was probably meant."""

import re
from collections.abc import Collection
from typing import Final

from lark import Token

from programs.rules.errors import RuleSyntaxError, cut, located
from programs.rules.functions import FUNCTIONS

_MEANT: Final = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "AND": "&&",
    "OR": "||",
    "NOT": "!",
    "is": "==",
    "eq": "==",
    "mod": "%",
    "then": "?",
    "if": "test ? value : other value",
}
_CHARACTERS: Final = {
    "=": "To compare, write ==.",
    "&": "For “and”, write &&.",
    "|": "For “or”, write ||.",
    ";": "A rule is a single expression. Remove the semicolon.",
    "$": "Write names without $.",
    "#": "Comments start with //.",
    "^": "There is no power operator. Multiply instead.",
    "`": "Backquotes go around a whole field name, as in a.`order-id`.",
}
_CURLY_QUOTES: Final = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"
_CLOSING: Final = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}


def bad_character(source: str, at: int) -> RuleSyntaxError:
    character = source[at]
    if character in "\"'":
        line = source[at:].splitlines()[0]
        return located("The closing quote is missing.", source, at, at + len(line))
    if character in _CURLY_QUOTES:
        message = f'{character} does not start a string. Use straight quotes: "…".'
    elif source.startswith(("=>", "=<"), at):
        message = f"{_shown(source[at : at + 2])} is not valid here. Write >= or <=."
    else:
        hint = _CHARACTERS.get(character, "")
        message = f"{_shown(character)} is not valid here. {hint}".rstrip()
    return located(message, source, at, at + 1)


def bad_token(source: str, token: Token, expected: Collection[str]) -> RuleSyntaxError:
    start = token.start_pos if token.start_pos is not None else len(source)
    if token.type == "$END":
        start = end = len(source)
        message = f"The rule ends too early: {_wanted(source, expected)}."
    else:
        end = start + len(token)
        message = f"Unexpected {_shown(token)}: {_wanted(source[:start], expected)}."
    if meant := _MEANT.get(str(token)):
        message = f"{message} Did you mean {meant}?"
    elif hint := _hint(source, token, start):
        message = f"{message} {hint}"
    return located(message, source, start, end)


def _wanted(before: str, expected: Collection[str]) -> str:
    if "NAME" in expected and "INT" in expected:
        return 'expected a value, such as a name, 50 or "text"'
    if "NAME" in expected:
        return "expected a field name"
    if closing := _unclosed(before):
        if "COLON" in expected and closing == "}":
            return 'expected a colon and a value, as in {"key": 1}'
        return f"expected an operator such as &&, or {closing} to close the bracket"
    if "COLON" in expected and "QUESTION" not in expected:
        return "expected a colon and the other value, as in test ? 1 : 2"
    return "expected an operator such as &&, or the end"


def _unclosed(before: str) -> str:
    """The bracket that would close the innermost open one of this text; "" where none is open."""
    open_ones: list[str] = []
    # Text and comments may contain brackets of their own.
    bare = re.sub(r"\"(\\.|[^\"\\])*\"|'(\\.|[^'\\])*'|//[^\n]*", "", before)
    for character in bare:
        if character in "([{":
            open_ones.append({"(": ")", "[": "]", "{": "}"}[character])
        elif character in ")]}" and open_ones:
            open_ones.pop()
    return open_ones[-1] if open_ones else ""


def _hint(source: str, token: Token, start: int) -> str:
    before = source[:start]
    if token.type in _CLOSING and not _unclosed(before):
        return f"There is no open bracket for this {token} to close."
    if token.type == "NAME" and token in FUNCTIONS:
        return f"Call the function like this: {FUNCTIONS[token].example}."
    if str(token) == ">" and before.endswith("<"):
        return "For “not equal”, write !=."
    if str(token) == "," and before[-1:].isdigit() and source[start + 1 : start + 2].isdigit():
        return "Use a decimal point, as in 50.5."
    return ""


def _shown(text: str) -> str:
    return f"“{cut(text, 40)}”"
