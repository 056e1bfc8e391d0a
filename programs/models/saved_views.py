from django.db import models
from django.db.models import Q

from programs.kernel.database import uuid7


class SavedView(models.Model):
    """The filters, search and order of a list of the admin, under a name that somebody gave them for themselves."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=150, help_text="Whose it is.")
    list = models.CharField(max_length=100, help_text='The list: "participants.event".')
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, help_text="The query string of the list.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["username", "list", "name"], name="saved_view_name_is_unique"
            ),
            models.CheckConstraint(condition=Q(name__regex=r"\S"), name="saved_view_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
