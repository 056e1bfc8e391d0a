"""Syntax errors in words: what was found, what was expected instead, and what was probably meant."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from lark import Token

from programs.rules import hints
from programs.rules.errors import RuleSyntaxError, cut, located
from programs.rules.functions import FUNCTIONS
from programs.rules.hints import Advice, Use, advised
from programs.rules.tree import Node

_CURLY_QUOTES: Final = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"
_CLOSING: Final = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}


def bad_character(source: str, at: int) -> RuleSyntaxError:
    character = source[at]
    advice = hints.for_syntax(source, at)
    if character in "\"'" and advice is None:
        line = source[at:].splitlines()[0]
        return located("The closing quote is missing.", source, at, at + len(line))
    if character in _CURLY_QUOTES:
        message = f'{character} does not start a string. Use straight quotes: "…".'
        return located(message, source, at, at + 1)
    shown = source[at : at + 2] if source.startswith(("=>", "=<"), at) else character
    return advised(f"{_shown(shown)} is not valid here.", source, at, at + 1, advice)


def bad_token(source: str, token: Token, expected: Collection[str]) -> RuleSyntaxError:
    start = token.start_pos if token.start_pos is not None else len(source)
    if token.type == "$END":
        start = end = len(source)
        message = f"The rule ends too early: {_wanted(source, expected)}."
    else:
        end = start + len(token)
        message = f"Unexpected {_shown(token)}: {_wanted(source[:start], expected)}."
    advice = hints.for_syntax(source, start) or _advice(source, token, start)
    return advised(message, source, start, end, advice)


def reserved(
    source: str, name: str, start: int, arguments: Sequence[Node] | None
) -> RuleSyntaxError:
    """A word that CEL keeps for other languages, as a name or called with these arguments."""
    end = start + len(name)
    advice = None
    if arguments is not None:
        operands = [hints.operand(source, each) for each in arguments]
        advice = hints.for_function(Use(name, operands, "call", is_whole=False), ())
        if advice is not None and advice.instead is not None:
            end = source.index(")", arguments[-1].end) + 1
            advice = replace(advice, start=start, end=end)
    advice = advice or hints.for_syntax(source, start)
    message = f"{name} is a reserved word."
    if advice is None:
        message = f"{message} Use another name."
    return advised(message, source, start, start + len(name), advice)


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


def _advice(source: str, token: Token, start: int) -> Advice | None:
    if token.type in _CLOSING and not _unclosed(source[:start]):
        return Advice(f"There is no open bracket for this {token} to close.")
    if token.type == "NAME" and token in FUNCTIONS:
        return Advice(f"Call the function like this: {FUNCTIONS[token].example}.")
    return None


def _shown(text: str) -> str:
    return f"“{cut(text, 40)}”"
