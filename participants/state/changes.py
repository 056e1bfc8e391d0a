"""Reading of changes of a participant, with one set of limits for the API, imports and the admin."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import models

from participants.models import (
    MAX_ATTRIBUTES,
    MAX_EXTERNAL_ID_LENGTH,
    MAX_TAGS,
    PROFILE_FIELDS,
    EnrollmentStatus,
    Participant,
    ParticipantStatus,
)
from programs.kernel.cleaning import Errors, choice_of, members_of, refuse_unknown, text_of, uuid_of
from programs.models.rules import (
    MAX_ATTRIBUTE_KEY_LENGTH,
    MAX_ATTRIBUTE_VALUE_LENGTH,
    MAX_TAG_LENGTH,
)

AttributeValue = str | int | Decimal | bool | None  # None removes the key

_LONGEST = {
    name: cast("models.CharField[str, str]", Participant._meta.get_field(name)).max_length or 0
    for name in PROFILE_FIELDS
}
# Members of the document that have calls of their own.
_ELSEWHERE = {
    "counters": "Set counters with PUT /v1/participants/{id}/state/counters/{key}.",
    "tiers": "Set tiers with PUT /v1/participants/{id}/state/tiers/{key}.",
    "balances": "Move balances with POST /v1/participants/{id}/balances/adjust.",
}


@dataclass(slots=True)
class Change:
    """A change of one participant by one call. What it leaves out (None) stays as it is.

    `profile` holds those PROFILE_FIELDS that change ("" clears). `tags` replaces the set, `add_tags` and `remove_tags` edit it;
    `attributes` merges, and a None removes the key.
    `program_id` sets the enrollment there to `enrollment_status`.
    """

    status: str | None = None
    profile: dict[str, str] = field(default_factory=dict)
    tags: list[str] | None = None
    add_tags: list[str] = field(default_factory=list)
    remove_tags: list[str] = field(default_factory=list)
    attributes: dict[str, AttributeValue] | None = None
    program_id: UUID | None = None
    enrollment_status: str = EnrollmentStatus.ACTIVE


def clean_upsert(body: object) -> tuple[str, Change]:
    """Read the body of the upsert: the external_id, and what to change. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    external_id = text_of(
        members.pop("external_id", None), errors, "external_id", longest=MAX_EXTERNAL_ID_LENGTH
    )
    program_id = None
    if "program_id" in members:  # null names no program, so it is refused
        program_id = uuid_of(members.pop("program_id") or "", errors, "program_id")
    change = _change(members, errors)
    change.program_id = program_id
    errors.raise_if_any()
    return external_id, change


def clean_change(body: object, *, only: str = "") -> Change:
    """Read a body that changes a known participant; with `only`, one that must have this field and no other.

    Raises ValidationFailed.
    """
    errors = Errors()
    members = members_of(body, errors)
    if only:
        others = {name: value for name, value in members.items() if name != only}
        _refuse_unknown(others, errors)
        if only not in members:
            errors.add(only, "required", "This field is required.")
        members = {name: value for name, value in members.items() if name == only}
    elif "external_id" in members:
        del members["external_id"]
        errors.add("external_id", "read_only", "An external_id cannot be changed.")
    change = _change(members, errors)
    errors.raise_if_any()
    return change


def clean_tag(value: object) -> str:
    """Read one tag, as it is stored. Raises ValidationFailed."""
    errors = Errors()
    tag = _tag(value, errors)
    errors.raise_if_any()
    return tag


class _AddressValidator(EmailValidator):
    """Also takes international local parts (RFC 6531): letters of any script, but nothing that cannot be seen."""

    user_regex = re.compile(
        EmailValidator.user_regex.pattern.replace("0-9A-Z", r"0-9A-Z\u00a1-\U0010ffff"),
        re.IGNORECASE,
    )

    def __call__(self, value: Any) -> None:
        if not value.isascii():
            # Words of some languages need joiners, as IDNA allows them.
            letters = value.replace("\u200c", "").replace("\u200d", "")
            if not letters.isprintable():
                raise ValidationError(self.message, self.code)
        super().__call__(value)


_validate_email = _AddressValidator()


def clean_attribute(body: object, key: str) -> Change:
    """Read a body `{"value": ..}` for the attribute of this key. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    value = members.pop("value", None)
    if value is None:
        errors.add("value", "required", "Give a string, a number, true or false.")
    _refuse_unknown(members, errors)
    _attribute(key, value, errors, "value")
    errors.raise_if_any()
    return Change(attributes={key: value})


def clean_list(body: object, name: str, *, most: int) -> list[object]:
    """Read a body that is a list of bodies, under this name and not yet read themselves. Raises ValidationFailed."""
    errors = Errors()
    members = members_of(body, errors)
    bodies = members.pop(name, None)
    _refuse_unknown(members, errors)
    if not isinstance(bodies, list) or not 1 <= len(bodies) <= most:
        errors.add(name, "length", f"Give a list of 1 to {most}.")
    errors.raise_if_any()
    return list(bodies)


def _tags(value: object, errors: Errors) -> list[str]:
    """Tags in lower case, each once, in the order given."""
    if not isinstance(value, list):
        errors.add("tags", "type", "Give a list of strings.")
        return []
    tags = [_tag(tag, errors, f"tags[{index}]") for index, tag in enumerate(value)]
    tags = list(dict.fromkeys(tags))
    if len(tags) > MAX_TAGS:
        errors.add("tags", "too_many", f"At most {MAX_TAGS} tags.")
    return tags


def _tag(value: object, errors: Errors, name: str = "tag") -> str:
    if not isinstance(value, str):
        errors.add(name, "type", "Give a string.")
        return ""
    tag = value.strip().lower()
    if not tag:
        errors.add(name, "blank", "A tag has more than white space.")
    elif len(tag) > MAX_TAG_LENGTH:
        errors.add(name, "too_long", f"At most {MAX_TAG_LENGTH} characters.")
    elif "\0" in tag:  # a path may hold one; a JSON body with one was refused before
        errors.add(name, "invalid", "A tag cannot hold NUL.")
    return tag


def _attributes(value: object, errors: Errors) -> dict[str, AttributeValue]:
    if not isinstance(value, dict):
        errors.add("attributes", "type", "Give an object.")
        return {}
    for key, part in value.items():
        _attribute(key, part, errors, f"attributes.{key[:MAX_ATTRIBUTE_KEY_LENGTH]}")
    if sum(part is not None for part in value.values()) > MAX_ATTRIBUTES:
        errors.add("attributes", "too_many", f"At most {MAX_ATTRIBUTES} attributes.")
    return value


def _attribute(key: str, value: object, errors: Errors, name: str = "value") -> None:
    if not 1 <= len(key) <= MAX_ATTRIBUTE_KEY_LENGTH or "\0" in key:
        errors.add(name, "key", f"A key has 1 to {MAX_ATTRIBUTE_KEY_LENGTH} characters.")
    if isinstance(value, str):
        if len(value) > MAX_ATTRIBUTE_VALUE_LENGTH:
            errors.add(name, "too_long", f"At most {MAX_ATTRIBUTE_VALUE_LENGTH} characters.")
    elif not (value is None or isinstance(value, bool | int | Decimal)):
        errors.add(name, "type", "Give a string, a number, true or false; nothing nested.")


def _change(members: dict[str, Any], errors: Errors) -> Change:
    change = Change()
    if "status" in members:
        status = members.pop("status") or ""  # null is not a missing one
        change.status = choice_of(status, errors, "status", ParticipantStatus.values)
    if "tags" in members:
        change.tags = _tags(members.pop("tags"), errors)
    if "attributes" in members:
        change.attributes = _attributes(members.pop("attributes"), errors)
    for name in PROFILE_FIELDS:
        if name in members:
            change.profile[name] = _profile(name, members.pop(name), errors)
    _refuse_unknown(members, errors)
    return change


def _refuse_unknown(members: dict[str, Any], errors: Errors) -> None:
    elsewhere = members.keys() & _ELSEWHERE.keys()
    for name in elsewhere:
        errors.add(name, "read_only", _ELSEWHERE[name])
    refuse_unknown({name: members[name] for name in members if name not in elsewhere}, errors)


def _profile(name: str, value: object, errors: Errors) -> str:
    longest = _LONGEST[name]
    if value is None:
        return ""
    if not isinstance(value, str):
        errors.add(name, "type", "Give a string; an empty one or null clears the field.")
        return ""
    value = value.strip()
    if len(value) > longest:
        errors.add(name, "too_long", f"At most {longest} characters.")
    elif name == "email" and value and not _is_email(value):
        errors.add(name, "invalid", "This is not an e-mail address.")
    else:
        return value
    return ""


def _is_email(value: str) -> bool:
    try:
        _validate_email(value)
    except ValidationError:
        return False
    return True
