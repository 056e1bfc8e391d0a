from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from programs import assets
from programs.admin.base import SelectById
from programs.admin.form_fields import AmountField
from programs.admin.verb_pages import ModelCheckedForm, VerbAdmin
from programs.kernel.exceptions import ValidationFailed
from programs.models import Asset, AssetLink
from programs.reader import amount


class AssetForm(ModelCheckedForm[Asset]):
    max_transaction_amount = AmountField(
        required=False,
        help_text="The largest single movement, with at most the asset's decimals. Leave empty for no limit.",
    )

    class Meta:
        model = Asset
        fields = [
            "name", "symbol", "scale", "issuance_policy", "inventory_mode", "max_transaction_amount",
        ]  # fmt: skip

    def clean_symbol(self) -> str:
        symbol: str = self.cleaned_data["symbol"]
        same = Asset.objects.filter(symbol__iexact=symbol).exclude(pk=self.instance.pk)
        if same.exists():
            raise forms.ValidationError("Another asset has this symbol.", "unique")
        return symbol

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        scale = cleaned.get("scale", None if self.instance._state.adding else self.instance.scale)
        try:
            if scale is not None:
                assets.refuse_finer(cleaned.get("max_transaction_amount"), scale)
        except ValidationFailed as refusal:
            self.add_refusal(refusal)
        return cleaned


class AssetLinkForm(forms.ModelForm[AssetLink]):
    class Meta:
        model = AssetLink
        fields = ["program"]
        widgets = {"program": SelectById(AssetLink, "program")}


class AssetLinkInline(admin.TabularInline[AssetLink, Asset]):
    model = AssetLink
    form = AssetLinkForm
    fields = ["program"]
    extra = 1
    verbose_name = "program that gives it out"
    verbose_name_plural = "programs that give it out"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AssetLink]:
        return super().get_queryset(request).select_related("program")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field:
            widget: Any = field.widget  # its links to add and edit programs belong on other pages
            widget.can_add_related = widget.can_change_related = widget.can_view_related = False
        return field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AssetChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[Asset]:
        # Not in the admin's queryset, which also serves every keystroke in an autocomplete field.
        found: QuerySet[Asset] = super().get_queryset(request, *args)
        return found.annotate(programs=Count("links"))


@admin.register(Asset)
class AssetAdmin(VerbAdmin[Asset]):
    form = AssetForm
    inlines = [AssetLinkInline]
    list_display = ["name", "symbol", "scale", "limit", "programs", "created_at"]
    number_columns = frozenset({"scale", "limit", "programs"})
    search_fields = ["name", "symbol"]

    class Media:
        css = {"all": ["programs/admin.css"]}

    @admin.display(description="Maximum per movement", empty_value="no limit")
    def limit(self, asset: Asset) -> str | None:
        most = asset.max_transaction_amount
        return None if most is None else amount(most, asset.scale)

    @admin.display(description="Programs", ordering="programs")
    def programs(self, asset: Any) -> int:
        linked: int = asset.programs
        return linked

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AssetChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Asset], search_term: str
    ) -> tuple[QuerySet[Asset], bool]:
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def get_fields(self, request: HttpRequest, obj: Asset | None = None) -> Any:
        fields = AssetForm.Meta.fields
        return [*fields, "id", "created_at", "updated_at"] if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Asset | None = None) -> list[str]:
        fixed = ["id", "created_at", "updated_at"]
        return ["scale", *fixed] if obj else fixed

    def carry_out(
        self, request: HttpRequest, form: AssetForm, formsets: list[Any], obj: Asset | None
    ) -> Asset:
        linked = [
            row.cleaned_data["program"].pk
            for formset in formsets
            for row in formset.extra_forms
            if row.has_changed()
        ]
        if obj is None:
            return assets.create(form.cleaned_data, program_ids=linked)
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        return assets.change(obj.pk, changed, program_ids=linked)
