import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from programs import tracks
from programs.admin.base import SelectById
from programs.admin.form_fields import JSONTextField, written
from programs.admin.qualifications import QualificationField, place_in_words
from programs.admin.verb_pages import ModelCheckedForm, VerbAdmin, VersionedForm
from programs.api.callers import actor_of
from programs.api.tiers import TierTrackChangeSerializer
from programs.exceptions import ChangeSince, InUse, TierTrackNotFound
from programs.kernel.exceptions import ValidationFailed
from programs.models import Rule, TierLevel, TierTrack, TierTrackVersion
from programs.models.rules import counted_keys
from programs.models.tiers import MAX_LEVELS

SHOWN_VERSIONS = 20
READ_RULES = 200  # for the names of their counters
_LEVEL = re.compile(r"levels\[(\d+)\]\.?(\w*)(.*)", re.DOTALL)


class TrackForm(VersionedForm[TierTrack], ModelCheckedForm[TierTrack]):
    """The form of a tier track. Its levels are an inline formset, and replaced as a whole."""

    thing = "track"

    class Meta:
        model = TierTrack
        fields = ["program", "key", "display_name"]
        widgets = {"program": SelectById(TierTrack, "program")}

    def changes_since(self, version: int) -> Iterable[ChangeSince]:
        return tracks.changes_since(self.instance, version)


class LevelForm(forms.ModelForm[TierLevel]):
    qualification = QualificationField(
        help_text="What counters must reach. Empty rows do not count; without any, only a rule or a person sets this level."
    )
    benefits = JSONTextField(empty=[], help_text="What the level offers: a list or an object.")

    class Meta:
        model = TierLevel
        fields = ["key", "rank", "display_name", "qualification", "benefits"]

    def _post_clean(self) -> None:
        # Django's compares each level with the stored ones, so that two could not swap places.
        pass

    def body(self) -> dict[str, Any]:
        """Return the level as the body of an API call."""
        return {name: self.cleaned_data[name] for name in LevelForm.Meta.fields}


class LevelFormSet(forms.BaseInlineFormSet[TierLevel, TierTrack, LevelForm]):
    """All levels of a track, as `levels`. The verb that saves the track writes them."""

    levels: list[tracks.Level]

    def clean(self) -> None:
        if any(self.errors):
            return
        rows = list(self._rows())
        body = {"levels": [form.body() for form in rows]}
        try:
            self.levels = TierTrackChangeSerializer.read(body).levels
        except ValidationFailed as refusal:
            self._show(refusal, rows)

    def _show(self, refusal: ValidationFailed, rows: list[LevelForm]) -> None:
        for error in refusal.fields:
            found = _LEVEL.fullmatch(error.field)
            if found is None:
                raise forms.ValidationError(error.message)
            index, name, place = found.groups()
            form = rows[int(index)]
            words = f"{place.lstrip('.')}: {error.message}" if place else error.message
            if name == "qualification" and not isinstance(form["qualification"].data, str):
                row, where = place_in_words(place)
                words = f"{where}: {error.message}" if where else error.message
                if row is not None:
                    form.fields[name].widget.row_errors.setdefault(row, []).append(words)
            form.add_error(name if name in LevelForm.Meta.fields else None, words)

    def _rows(self) -> Iterator[LevelForm]:
        for form in self.forms:
            is_filled = form in self.initial_forms or form.has_changed()
            if is_filled and not self._is_deleted(form):
                yield form

    def _is_deleted(self, form: LevelForm) -> bool:
        return bool(form.cleaned_data.get(DELETION_FIELD_NAME))


class LevelInline(admin.StackedInline[TierLevel, TierTrack]):
    model = TierLevel
    form = LevelForm
    formset = LevelFormSet  # type: ignore[assignment]
    fields = [("key", "rank", "display_name"), "qualification", "benefits"]
    ordering = ["rank"]
    extra = 1
    max_num = MAX_LEVELS

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        # Django's own would render a thousand forms more than there may be, if a post says so.
        return super().get_formset(request, obj, **kwargs, absolute_max=MAX_LEVELS + 1)

    # Permission for a track includes its levels.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("programs.view_tiertrack") or self.has_change_permission(
            request
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        verb = "add" if obj is None else "change"
        return request.user.has_perm(f"programs.{verb}_tiertrack")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("programs.change_tiertrack")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request)


class TrackChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[TierTrack]:
        found: QuerySet[TierTrack] = super().get_queryset(request, *args)
        return found.annotate(level_count=Count("levels"))


@admin.register(TierTrack)
class TierTrackAdmin(VerbAdmin[TierTrack]):
    form = TrackForm
    inlines = [LevelInline]
    list_display = ["__str__", "key", "program", "level_count", "version", "updated_at"]
    list_select_related = ["program"]
    search_fields = ["key", "display_name", "program__name"]
    lookups: ClassVar[frozenset[str]] = frozenset({"program__id__exact"})
    ordering = ["-created_at", "-id"]

    class Media:
        css = {"all": ["programs/admin.css", "programs/tracks.css"]}

    @admin.display(description="Levels", ordering="level_count")
    def level_count(self, track: Any) -> int:
        count: int = track.level_count
        return count

    def get_queryset(self, request: HttpRequest) -> QuerySet[TierTrack]:
        return super().get_queryset(request).filter(deleted_at=None).select_related("program")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TrackChangeList

    def get_fields(self, request: HttpRequest, obj: TierTrack | None = None) -> Any:
        fields = ["program", "key", "display_name"]
        if obj is None:
            return fields
        record = ["id", "version", "created_at", "updated_at"]
        return (
            [*fields, "shown_version", *record]
            if self.has_change_permission(request)
            else [*fields, *record]
        )

    def get_readonly_fields(self, request: HttpRequest, obj: TierTrack | None = None) -> list[str]:
        if obj is None:
            return []
        return ["program", "key", "id", "version", "created_at", "updated_at"]

    def carry_out(
        self, request: HttpRequest, form: TrackForm, formsets: list[Any], obj: TierTrack | None
    ) -> TierTrack:
        [levels] = formsets
        values, by = form.cleaned_data, actor_of(request)
        if obj is None:
            new = tracks.NewTrack(values["key"], values["display_name"], levels.levels)
            return tracks.create(values["program"].pk, new, by=by)
        shown = values["shown_version"]
        changed = tracks.TrackChange(values["display_name"], levels.levels, version=shown)
        return tracks.change(obj.pk, changed, by=by)

    def has_delete_permission(self, request: HttpRequest, obj: TierTrack | None = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_model(self, request: HttpRequest, obj: TierTrack) -> None:
        with suppress(TierTrackNotFound):  # somebody else deleted it first
            tracks.delete(obj.pk, by=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[TierTrack]) -> None:
        for track in queryset:
            self.delete_model(request, track)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # Django's refuses because of the versions that refer to the rows. The rows stay: tracks are only marked as deleted.
        names = [str(track) for track in objs]
        naming = [f"Rule: {rule.name}" for track in objs for rule in tracks.rules_naming(track)]
        return names, {self.opts.verbose_name_plural: len(names)}, set(), naming

    # A rule may be written between the question and its answer.

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except InUse as refusal:
            return self._refused(request, refusal)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except InUse as refusal:
            return self._refused(request, refusal)

    def _refused(self, request: HttpRequest, refusal: InUse) -> HttpResponse:
        self.message_user(request, refusal.message, messages.ERROR)
        return HttpResponseRedirect(reverse("admin:programs_tiertrack_changelist"))

    def page_context(self, request: HttpRequest, obj: TierTrack) -> dict[str, Any]:
        return {"counters": _counters(obj), **self._versions(request, obj)}

    def _versions(self, request: HttpRequest, obj: TierTrack) -> dict[str, Any]:
        if not request.user.has_perm("programs.view_tiertrackversion"):
            return {}
        versions = TierTrackVersion.objects.filter(track=obj)[:SHOWN_VERSIONS]
        return {
            "versions": [
                (
                    version,
                    _levels(version),
                    written(version.snapshot),
                )
                for version in versions
            ]
        }


def _counters(track: TierTrack) -> list[str]:
    """The keys of counters that rules of the program count, to choose from."""
    rules = Rule.objects.current().filter(program=track.program_id).in_order()
    actions = rules.values_list("actions", flat=True)[:READ_RULES]
    return sorted({key for each in actions for key in counted_keys(each)})


def _levels(version: TierTrackVersion) -> str:
    return ", ".join(f"{level['key']} {level['rank']}" for level in version.snapshot["levels"])
