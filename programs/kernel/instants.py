"""Points in time: as the API writes them, in RFC 3339 in UTC to the microsecond, and as rows keep their last change."""

import re
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Greatest, Now

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)


def read(value: object) -> datetime:
    """Read a time with its offset; fractions of a microsecond are dropped. Raises ValueError for anything else."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("Not a time of RFC 3339.")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError as error:  # an offset that leads before year 1 or after year 9999
        raise ValueError(str(error)) from error


def written(moment: datetime) -> str:
    """Write a time: 2026-01-15T10:30:00.000000Z."""
    # strftime drops the leading zeros of the year 0001.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class ChangedAtField(models.DateTimeField[Any, Any]):
    """When a row was last saved, by the database's clock: never before its `created_at`, wherever that clock goes.

    After an update the instance has the expression, until it is read again.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"editable": False, "db_default": Now(), **options})

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if not add:
            setattr(model_instance, self.attname, Greatest(Now(), F("created_at")))
        return super().pre_save(model_instance, add)
