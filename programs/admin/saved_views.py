"""Views of lists that people save for themselves: a name for filters, a search and an order."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_POST

from programs.models import SavedView

MOST = 30  # of one person and list
NOT_KEPT = ("p", "e", "before")  # where somebody was in the list


class SavedViewForm(forms.ModelForm[SavedView]):
    class Meta:
        model = SavedView
        fields = ["list", "name", "query"]

    def clean_query(self) -> str:
        query = QueryDict(self.cleaned_data["query"].removeprefix("?"), mutable=True)
        for name in NOT_KEPT:
            query.pop(name, None)
        return query.urlencode()


def views_of(username: str, listed: str) -> list[SavedView]:
    return list(SavedView.objects.filter(username=username, list=listed)[:MOST])


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Save the view, in place of one with the same name."""
    form = SavedViewForm(request.POST)
    listed = request.POST.get("list", "")
    address = _address(listed)
    if not form.is_valid():
        messages.error(request, "The view was not saved: give it a name of at most 60 characters.")
        return HttpResponseRedirect(address)
    view, mine = form.cleaned_data, SavedView.objects.filter(username=request.user.username)
    is_new = not mine.filter(list=listed, name=view["name"]).exists()
    if is_new and len(views_of(request.user.username, listed)) >= MOST:
        messages.error(request, f"You have {MOST} views of this list. Delete one first.")
    else:
        key = {"username": request.user.username, "list": listed, "name": view["name"]}
        SavedView.objects.update_or_create(**key, defaults={"query": view["query"]})
        messages.success(request, f"The view “{view['name']}” was saved.")
    return HttpResponseRedirect(f"{address}?{view['query']}")


@require_POST
def delete(request: HttpRequest, view_id: UUID) -> HttpResponse:
    view = SavedView.objects.filter(pk=view_id, username=request.user.username).first()
    if view is None:
        raise Http404("You have no such view.")
    view.delete()
    messages.success(request, f"The view “{view}” was deleted.")
    return HttpResponseRedirect(_address(view.list))


def _address(listed: str) -> str:
    try:
        return reverse(f"admin:{listed.replace('.', '_')}_changelist")
    except NoReverseMatch as error:
        raise Http404("There is no such list.") from error
