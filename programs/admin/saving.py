"""Forms that are saved by a verb: what it refuses is an error on the form that asked for it."""

import re
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from programs.kernel.database import retried
from programs.kernel.exceptions import DomainError

M = TypeVar("M", bound=Model)
_FIELD = re.compile(r"(\w*)(.*)", re.DOTALL)  # "attributes.plan" is about one place in "attributes"


class Refused(Exception):
    """What a verb refused, with the prefix of the form that asked for it: a row of an inline, or None for the page's."""

    def __init__(self, refusal: DomainError, prefix: str | None) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.prefix = prefix


class VerbForm(forms.ModelForm[M]):
    """A form that tells what its user changed, as against what the page showed them and not what is stored by now."""

    refused: ClassVar[Refused | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Two people who edit different fields must not undo each other, so the page carries what it showed.
            field.show_hidden_initial = not self.instance._state.adding

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.refused and self.refused.prefix == self.prefix:
            self.add_refusal(self.refused.refusal)
        return self.cleaned_data

    def add_refusal(self, refusal: DomainError) -> None:
        if not refusal.fields:
            self.add_error(None, refusal.message)
        # What a field has refused itself is not in the input, and its absence there is no second error.
        refused_before = set(self.errors)
        for error in refusal.fields:
            name, place = _FIELD.fullmatch(error.field).groups()  # type: ignore[union-attr]
            words = f"{place.lstrip('.')}: {error.message}" if place else error.message
            if name not in refused_before:
                self.add_error(name if name in self.fields else None, words)


class VerbAdmin(admin.ModelAdmin[M]):
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        page = super().changeform_view
        try:
            # Django runs the page in one transaction, so that what stands on it is stored together or not at all. The
            # retry stands around that transaction: inside it would only fail again.
            return retried(page)(request, object_id, form_url, extra_context)
        except Refused as refused:
            # All of it was rolled back; the same page once more, now with the refusal among its errors.
            request.refused = refused  # type: ignore[attr-defined]
            return page(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: M | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[M]]:
        form = super().get_form(request, obj, change, **kwargs)
        form.refused = getattr(request, "refused", None)  # type: ignore[attr-defined]
        return form
