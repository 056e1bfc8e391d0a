class Columns:
    """A table's columns with their types, from which the column lists of our SQL come: adding one edits one line."""

    def __init__(self, **types: str) -> None:
        self.types = types

    @property
    def names(self) -> str:
        """For INSERT and SELECT: `id, key`."""
        return ", ".join(self.types)

    @property
    def typed(self) -> str:
        """For jsonb_to_recordset: `id uuid, key text`."""
        return ", ".join(f"{name} {kind}" for name, kind in self.types.items())
