from typing import Self

from django.db import connection, models


class Columns:
    """Columns with their types, from which the column lists of our SQL come."""

    def __init__(self, **types: str) -> None:
        self.types = types

    @classmethod
    def of(cls, model: type[models.Model]) -> Self:
        """The columns of a table as its model declares them: adding one edits the model, and whoever makes its rows."""
        fields = model._meta.concrete_fields
        return cls(**{str(field.column): field.db_type(connection) or "" for field in fields})

    @property
    def names(self) -> str:
        """For INSERT and SELECT: `id, key`."""
        return ", ".join(self.types)

    @property
    def typed(self) -> str:
        """For jsonb_to_recordset: `id uuid, key text`."""
        return ", ".join(f"{name} {kind}" for name, kind in self.types.items())

    def replacing(self, *kept: str) -> str:
        """For DO UPDATE SET: every column but those that are kept takes the value that was to be inserted."""
        return ", ".join(f"{name} = EXCLUDED.{name}" for name in self.types if name not in kept)
