"""What a level takes, in a form: rows of counter, operator and number, or JSON where it has a shape that rows cannot show."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from programs import reader
from programs.admin.form_fields import JSONTextField, written
from programs.kernel import decimals
from programs.kernel.decimals import NotADecimal
from programs.models.tiers import MAX_CRITERIA
from programs.tracks.bodies import MODES, OPERATORS

PARTS: Final = ("counter", "operator", "threshold")
_PLACE: Final = re.compile(r"\.criteria\[(\d+)\]\.?(\w*)")
_LABELS: Final = {"counter": ", counter", "operator": ", comparison", "threshold": ", number"}
_MODES: Final = {"ALL": "All of these", "ANY": "Any of these"}
_OPERATORS: Final = {
    ">=": "at least",
    ">": "more than",
    "<=": "at most",
    "<": "less than",
    "==": "exactly",
}


class Typed(dict[str, Any]):
    """Criteria as they were typed, with numbers as a locale writes them."""


@dataclass(slots=True)
class Row:
    """One condition as it is shown, and what is wrong with it."""

    counter: str = ""
    operator: str = OPERATORS[0]
    threshold: str = ""
    errors: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.counter.strip() or self.threshold.strip())


class Qualification(forms.Widget):
    """The rows of one level. Rows in which nothing is typed do not count."""

    template_name = "admin/programs/tiertrack/qualification.html"
    use_fieldset = True

    def __init__(self) -> None:
        super().__init__()
        self.row_errors: dict[int, list[str]] = {}  # by the number of the row in the body

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        if name in data:
            return data[name]  # JSON, as text
        rows = [row for row in _typed(data, name) if not row.is_empty]
        if not rows:
            return None
        criteria = [{part: getattr(row, part).strip() for part in PARTS} for row in rows]
        return Typed({"mode": data.get(f"{name}-mode", MODES[0]), "criteria": criteria})

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and f"{name}-mode" not in data

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        # Not by the renderer of forms, which knows no templates of a project.
        context = self.get_context(name, value, attrs)
        return render_to_string(self.template_name, context)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = {**super().get_context(name, value, attrs), "most": MAX_CRITERIA}
        if isinstance(value, str):
            return context | {"json": value}
        if not _fits(value):
            return context | {"json": written(value)}
        stored = value or {"mode": MODES[0], "criteria": []}
        rows = [
            Row(**_shown(each, isinstance(value, Typed)), errors=self.row_errors.get(index, []))
            for index, each in enumerate(stored["criteria"])
        ]
        return context | {
            "mode": stored["mode"],
            "modes": _MODES,
            "operators": _OPERATORS,
            # One more to fill, without a script too.
            "rows": [*rows, Row()] if len(rows) < MAX_CRITERIA else rows,
        }


def place_in_words(place: str) -> tuple[int | None, str]:
    """Return the row of a refusal, such as ".criteria[0].threshold", and where in it that is."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return None, place.lstrip(".")
    row, part = found.groups()
    return int(row), f"Condition {int(row) + 1}{_LABELS.get(part, '')}"


class QualificationField(JSONTextField):
    """Criteria as rows; what was stored in a shape of its own stays JSON, so that nothing is lost."""

    widget: Any = Qualification

    def prepare_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Typed):
            criteria = [self._read(each, place) for place, each in enumerate(value["criteria"])]
            return {**value, "criteria": criteria}
        return super().to_python(value) if isinstance(value, str) else value

    def _read(self, typed: Mapping[str, str], place: int) -> dict[str, str]:
        """The criterion with the plain digits of its number."""
        try:
            return {**typed, "threshold": reader.plain(typed["threshold"])}
        except NotADecimal as error:
            words = f"Condition {place + 1}, number: {error}"
            self.widget.row_errors.setdefault(place, []).append(words)
            raise ValidationError(words, error.reason) from error


def _shown(criterion: Mapping[str, str], is_typed: bool) -> dict[str, str]:
    """The criterion as a row shows it: what was typed as it is, a stored number as the reader's locale writes it."""
    row = {part: criterion[part] for part in PARTS}
    if not is_typed:
        with suppress(NotADecimal):
            row["threshold"] = reader.typed(decimals.read(row["threshold"]))
    return row


def _typed(data: Any, name: str) -> list[Row]:
    columns = [data.getlist(f"{name}-{part}") for part in PARTS]
    return [Row(*parts) for parts in zip(*columns, strict=False)]


def _fits(value: Any) -> bool:
    """Whether rows show all of it: exactly a mode, and criteria of exactly three texts each."""
    if value is None:
        return True
    if not isinstance(value, Mapping) or value.keys() != {"mode", "criteria"}:
        return False
    criteria = value["criteria"]
    return (
        value["mode"] in MODES
        and isinstance(criteria, Sequence)
        and not isinstance(criteria, str)
        and all(
            isinstance(each, Mapping)
            and each.keys() == set(PARTS)
            and all(isinstance(part, str) for part in each.values())
            and "\n" not in each["counter"]
            for each in criteria
        )
    )
