"""Pages whose form is handed to a verb of the domain: validate, call the verb, show what it refuses."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminErrorList, AdminForm
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms.formsets import all_valid
from django.forms.utils import pretty_name
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from programs.admin.base import StrictAdmin
from programs.admin.form_fields import in_words
from programs.exceptions import ChangedMeanwhile, ChangeSince
from programs.kernel import instants
from programs.kernel.exceptions import DomainError
from programs.reader import moment
from programs.versions import refuse_stale

M = TypeVar("M", bound=Model)
_NOT_SAVED = "Nothing was saved, and what you typed is still below. Open the page anew to go on from what is there now."
_FIELD = re.compile(r"(\w*)(.*)", re.DOTALL)  # "attributes.plan" is a place within "attributes"


class RefusalMixin:
    """A form that shows what its verb refuses: at the field concerned, or above the form."""

    # The form's field for a name that the verb uses, and for refusals that name no field.
    names: ClassVar[Mapping[str, str]] = {}
    of_refusal: ClassVar[Mapping[type[DomainError], str]] = {}

    def add_refusal(self: Any, refusal: DomainError) -> None:
        if not refusal.fields:
            self.add_error(self.of_refusal.get(type(refusal)), refusal.message)
        # A field that the form refused never reached the verb, which reports it as missing: show it once.
        refused_before = set(self.errors)
        for error in refusal.fields:
            name, place = _FIELD.fullmatch(error.field).groups()  # type: ignore[union-attr]
            name = self.names.get(name, name)
            text = f"{place.lstrip('.')}: {error.message}" if place else error.message
            if name not in refused_before:
                self.add_error(name if name in self.fields else None, text)


class VerbForm(RefusalMixin, forms.ModelForm[M]):
    """A form of a model that a verb validates and writes.

    It knows what its user changed, compared with what the page showed and not with what is stored by now.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Two people who edit different fields must not undo each other, so the page carries what it showed.
            field.show_hidden_initial = not self.instance._state.adding

    def clean(self) -> dict[str, Any]:
        super().clean()
        return self.cleaned_data

    def _post_clean(self) -> None:
        # Django's would fill the instance and validate the model. The verb does both.
        pass


class ModelCheckedForm(VerbForm[M]):
    """A form whose verb relies on the model's validators, so Django's own validation runs too."""

    def _post_clean(self) -> None:
        forms.ModelForm._post_clean(self)  # type: ignore[attr-defined]


class VersionedForm(VerbForm[M]):
    """A form that changes the version that its page showed, and tells what changed where that is no longer the newest.

    What was typed stays on the page, which is refused until it is opened anew.
    """

    thing: ClassVar[str]
    is_stale = False
    meanwhile: Sequence[tuple[ChangeSince, str, str, str, str]] = ()

    shown_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            del self.fields["shown_version"]
        else:
            self.fields["shown_version"].show_hidden_initial = False
            self.initial["shown_version"] = self.instance.version  # type: ignore[attr-defined]

    def changes_since(self, version: int) -> Iterable[ChangeSince]:
        """Read what changed since this version of the instance."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.instance._state.adding:
            # Before the verb is called: what is gone by now may be an error in the form, of which nobody could make sense.
            shown = cleaned.get("shown_version") or 0
            try:
                refuse_stale(self.thing, shown, self.instance.version, self.changes_since)  # type: ignore[attr-defined]
            except ChangedMeanwhile as refusal:
                self.add_refusal(refusal)
        return cleaned

    def add_refusal(self, refusal: DomainError) -> None:
        if not isinstance(refusal, ChangedMeanwhile):
            super().add_refusal(refusal)
            return
        self.is_stale = True
        self.meanwhile = [_in_words(change) for change in refusal.changes]
        self.add_error(None, f"{refusal.message} {_NOT_SAVED}")


def _in_words(change: ChangeSince) -> tuple[ChangeSince, str, str, str, str]:
    when = moment(instants.read(change["changed_at"]))
    return (
        change,
        pretty_name(change["field"]),
        when,
        in_words(change["old"]),
        in_words(change["new"]),
    )


class VerbAdmin(StrictAdmin[M]):
    """Pages to add and change what a verb writes.

    Django's own page saves the form in one transaction. A verb has its own transaction and is retried around it, so
    this page opens none.
    """

    def carry_out(
        self, request: HttpRequest, form: Any, formsets: list[Any], obj: M | None
    ) -> M | None:
        """Call the verb for what the page says; `obj` is None on the page to add one.

        Returns the object as it is now, or None after adding to a form what was refused. Raises DomainError for a refusal
        that belongs to `form`.
        """
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        adding = object_id is None
        obj = None if object_id is None else self.get_object(request, unquote(object_id))
        if not self._is_permitted(request, obj, adding=adding):
            raise PermissionDenied
        if obj is None and object_id is not None:
            message = f"There is no {self.opts.verbose_name} with this id. Perhaps it was deleted."
            self.message_user(request, message, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:index"))
        form, formsets, inlines = self.forms_of(request, obj)
        if request.method == "POST" and all_valid([*formsets]) & form.is_valid():
            saved = self._carried_out(request, form, formsets, obj)
            if saved is not None:
                return self._saved(request, saved, form, formsets, adding=adding)
        fieldsets: Any = list(self.get_fieldsets(request, obj))
        may_change = adding or self.has_change_permission(request, obj)
        readonly = self.get_readonly_fields(request, obj)
        shown = AdminForm(
            form, fieldsets, {}, readonly if may_change else flatten_fieldsets(fieldsets), self
        )
        inline_formsets = self.get_inline_formsets(request, formsets, inlines, obj)
        verb = "Add" if adding else "Change" if may_change else "View"
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb} {self.opts.verbose_name}",
            "subtitle": str(obj) if obj else None,
            "adminform": shown,
            "object_id": object_id,
            "original": obj,
            "is_popup": IS_POPUP_VAR in request.POST or IS_POPUP_VAR in request.GET,
            "to_field": None,
            "media": sum((each.media for each in inline_formsets), self.media + shown.media),
            "inline_admin_formsets": inline_formsets,
            "errors": AdminErrorList(form, formsets),
            "preserved_filters": self.get_preserved_filters(request),
            **(extra_context or {}),
        }
        return self.render_change_form(request, context, adding, not adding, form_url, obj)

    def _is_permitted(self, request: HttpRequest, obj: M | None, *, adding: bool) -> bool:
        if adding:
            return self.has_add_permission(request)
        if request.method == "POST":
            return self.has_change_permission(request, obj)
        return self.has_view_or_change_permission(request, obj)

    def forms_of(self, request: HttpRequest, obj: M | None) -> tuple[Any, list[Any], list[Any]]:
        """Return the form, its formsets and their inlines, with what was posted if anything was."""
        fields = flatten_fieldsets(self.get_fieldsets(request, obj))
        form_class = self.get_form(request, obj, change=obj is not None, fields=fields)
        form = form_class(request.POST if request.method == "POST" else None, instance=obj)
        owner = obj or form.instance
        # Django's own makes them in a method that has no public name.
        formsets, inlines = self._create_formsets(request, owner, change=obj is not None)  # type: ignore[attr-defined]
        return form, formsets, inlines

    def _carried_out(
        self, request: HttpRequest, form: Any, formsets: list[Any], obj: M | None
    ) -> M | None:
        try:
            return self.carry_out(request, form, formsets, obj)
        except DomainError as refusal:
            form.add_refusal(refusal)
            return None

    def _saved(
        self, request: HttpRequest, obj: M, form: Any, formsets: Iterable[Any], *, adding: bool
    ) -> HttpResponse:
        if adding:
            self.log_addition(request, obj, [{"added": {}}])
            return self.response_add(request, obj)
        rows = [
            str(each.model._meta.verbose_name_plural) for each in formsets if each.has_changed()
        ]
        changed = [*form.changed_data, *rows]
        self.log_change(request, obj, [{"changed": {"fields": changed}}] if changed else [])
        return self.response_change(request, obj)
