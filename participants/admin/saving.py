"""Forms that are saved by the verbs of `state`, which judge what a form says, too."""

from typing import TypeVar

from django.db.models import Model
from django.http import HttpRequest

from programs.admin.saving import Refused, VerbAdmin, VerbForm

M = TypeVar("M", bound=Model)

__all__ = ["Refused", "StateAdmin", "StateForm"]


class StateForm(VerbForm[M]):
    def _post_clean(self) -> None:
        # Django's would fill the instance and judge it by the model. `state` judges and writes; nobody saves this one.
        pass


class StateAdmin(VerbAdmin[M]):
    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
