"""The names of the language that the editor of rules offers to complete; those of the program are the builder's."""

from collections.abc import Iterator
from typing import Literal, TypedDict

from programs.rulebook import reference

# What a macro is called on stands before its name.
_RECEIVERS = ("list.", "map.", "optional.")


Kind = Literal["variable", "function", "method"]


class Name(TypedDict):
    """A name, and what it means."""

    name: str
    kind: Kind
    about: str
    takes_arguments: bool


def names_of_the_language() -> list[Name]:
    """Return variables, macros and functions, but for those that are rarely needed."""
    return [*_variables(), *_macros(), *_functions()]


def _variables() -> Iterator[Name]:
    for each in reference.VARIABLES:
        yield _name(each.path, "variable", each.description)


def _macros() -> Iterator[Name]:
    for each in reference.MACROS:
        yield _name(each.name, _kind(each.written.startswith(_RECEIVERS)), each.description)


def _functions() -> Iterator[Name]:
    for subject, functions in reference.functions_by_subject().items():
        if subject == reference.RARE:
            continue
        for each in functions:
            for is_method in sorted({signature.is_method for signature in each.signatures}):
                # The first parameter of a method stands before its name.
                counts = [
                    len(signature.parameters) - is_method
                    for signature in each.signatures
                    if signature.is_method == is_method
                ]
                yield _name(each.name, _kind(is_method), each.description, min(counts) > 0)


def _kind(is_method: bool) -> Kind:
    return "method" if is_method else "function"


def _name(name: str, kind: Kind, about: str, takes_arguments: bool = True) -> Name:
    return {"name": name, "kind": kind, "about": about, "takes_arguments": takes_arguments}
