"""How a type of action is declared: a class whose attributes are its fields.

Validation, the OpenAPI schema, the admin's form with its script, the reference and the compiled action derive from it.
The class is listed in `ACTION_TYPES` (`__init__.py`). What the action does to a participant is registered for the class in `participants.events.actions`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from programs.kernel.cleaning import Errors
from programs.rulebook.findings import Findings
from programs.rulebook.program_names import ProgramNames

T = TypeVar("T")


class Field(Generic[T]):
    """One field of an action. `T` is what the compiled action holds.

    `help` is shown in the admin, in the OpenAPI document and in the reference. `default` is stored where an optional field is
    left out; None stores nothing. `form_name` names the input of the admin's form: fields with the same
    `form_name` share one input; within one type their values are joined by a colon, as in `track:level`.
    """

    widget: str = "text"  # of the admin's form
    is_expression: ClassVar[bool] = False
    when_empty: ClassVar[str] = "(empty)"  # how a page shows empty text
    absent: Any = None  # what the compiled action holds where nothing is stored

    def __init__(
        self,
        help: str,  # noqa: A002
        *,
        label: str = "",
        required: bool = True,
        default: Any = None,
        form_name: str = "",
    ) -> None:
        self.help, self.required, self.default = help, required, default
        self.label, self.form_name = label, form_name

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.form_name = self.form_name or name
        self.label = self.label or name.replace("_", " ").capitalize()

    @overload
    def __get__(self, action: None, owner: type) -> Self: ...
    @overload
    def __get__(self, action: "Action", owner: type) -> T: ...
    def __get__(self, action: "Action | None", owner: type) -> "Self | T":
        # A stored value in the instance's `__dict__` takes precedence (no `__set__` here).
        if action is None:
            return self
        absent: T = self.absent
        return absent

    def read(self, value: object, errors: Errors, name: str) -> Any:
        """Read what a caller sent and return it as it is stored: JSON."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what `read` takes, without its description and default."""
        raise NotImplementedError

    def compiled(self, stored: Any) -> T:
        """Return what the compiled action holds for a stored value. Raises RuleSyntaxError."""
        compiled: T = stored
        return compiled

    def review(
        self, action: Mapping[str, Any], names: ProgramNames, found: Findings, path: str
    ) -> None:
        """Add what is wrong, or probably wrong, with the stored field in this program."""

    @property
    def is_in_form(self) -> bool:
        return True

    @property
    def documented(self) -> dict[str, Any]:
        schema = {**self.schema(), "description": self.help}
        return schema if self.default is None else {**schema, "default": self.default}


class Action:
    """The base of all types of actions. An instance is the compiled action of one rule."""

    type: ClassVar[str]
    label: ClassVar[str]  # in the admin's list of types
    subject: ClassVar[str]  # the group of its inputs in the admin's form
    summary: ClassVar[str]  # in the OpenAPI document and the reference
    needs_active: ClassVar[bool] = False  # whether the participant has to be active
    # Two optional fields of which an action has exactly one; the first is text that may be empty.
    either: ClassVar[tuple[str, str] | None] = None
    fields: ClassVar[dict[str, Field[Any]]] = {}

    def __init_subclass__(cls) -> None:
        own = {name: each for name, each in vars(cls).items() if isinstance(each, Field)}
        # Repeating an inherited field (`description = Movement.description`) moves it to that place.
        inherited = {name: each for name, each in cls.fields.items() if name not in own}
        cls.fields = {**inherited, **own}

    @property
    def takes_deferred(self) -> bool:
        """Whether it takes from deferred credits, which then have to be loaded one by one."""
        return False

    @classmethod
    def read(cls, members: dict[str, Any], errors: Errors, path: str) -> dict[str, Any]:
        """Read the members of one action, but for its type, and return it as it is stored."""
        action: dict[str, Any] = {"type": cls.type}
        for name, field in cls.fields.items():
            if name in members:
                action[name] = field.read(members.pop(name), errors, f"{path}.{name}")
            elif field.required:
                errors.add(f"{path}.{name}", "required", "This field is required.")
            elif field.default is not None:
                action[name] = field.default
        known = ", ".join(cls.fields)
        for name in members:
            message = f"{cls.type} has no such field; it has {known}."
            errors.add(f"{path}.{name}"[:100], "unknown", message)
        cls.check(action, errors, path)
        return action

    @classmethod
    def check(cls, action: Mapping[str, Any], errors: Errors, path: str) -> None:
        """Validate across fields."""
        if cls.either is None:
            return
        first, second = cls.either
        if first in action and second in action:
            errors.add(f"{path}.{second}", "invalid", f"Give {first} or {second}, not both.")
        elif first not in action and second not in action:
            errors.add(f"{path}.{first}", "required", f"Give {first} or {second}.")

    @classmethod
    def review(
        cls, action: Mapping[str, Any], names: ProgramNames, found: Findings, path: str
    ) -> None:
        """Add what is wrong, or probably wrong, with a stored action of this type in this program."""
        for name, field in cls.fields.items():
            if name in action:
                field.review(action, names, found, f"{path}.{name}")

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of this type of action."""
        fields = cls.fields.items()
        schema: dict[str, Any] = {
            "type": "object",
            "description": cls.summary,
            "required": ["type", *(name for name, field in fields if field.required)],
            "properties": {
                "type": {"const": cls.type},
                **{name: field.documented for name, field in fields},
            },
            "additionalProperties": False,
        }
        if cls.either:
            # One of two, the only optional fields: as a union of shapes, generators of clients lose the type.
            schema["minProperties"] = schema["maxProperties"] = len(schema["required"]) + 1
        return schema

    @classmethod
    def compiled(cls, stored: Mapping[str, Any]) -> Self:
        """Compile a stored action. Raises RuleSyntaxError."""
        action = cls()
        for name, field in cls.fields.items():
            if name in stored:
                vars(action)[name] = field.compiled(stored[name])
        return action
