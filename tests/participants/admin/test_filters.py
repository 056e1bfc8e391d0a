"""What holds for each filter of each list of the admin."""

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests import pages

# What a list says that shows only a part of what its filters let through.
TELLS = re.compile(r"only the last \d+ days|Go on from there")


def test_no_filter_narrows_a_list_by_more_than_it_says(admin_client: Client) -> None:
    pages.fill()
    addresses = [each for page in _lists() for each in _filtered(admin_client, page)]
    fresh = [_rows(admin_client.get(each)) for each in addresses]
    _age_everything()

    silent = []
    for address, rows in zip(addresses, fresh, strict=True):
        response = admin_client.get(address)
        if _rows(response) != rows and not TELLS.search(response.content.decode()):
            silent.append(address)

    assert len(addresses) > 100
    assert silent == []


def _lists() -> Iterator[str]:
    for model in admin.site._registry:
        yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _filtered(client: Client, page: str) -> Iterator[str]:
    """The addresses of the list that its filters offer, one and then two at once; a link sets what its own filter is of."""
    first = _offered(client, page, set())
    yield page
    for address, names in first:
        yield address
        for both, _ in _offered(client, address, names):
            yield both


def _offered(client: Client, address: str, before: set[str]) -> list[tuple[str, set[str]]]:
    response = client.get(address)
    own = [
        {str(name) for name in spec.expected_parameters()}
        for spec in _changes(response).filter_specs
    ]
    drawer = response.content.decode().partition('id="changelist-filter"')[2]
    found = []
    for link in re.findall(r'<li[^>]*>\s*<a href="(\?[^"]+)"', drawer):
        query = html.unescape(link)
        added = {name for name, _ in parse_qsl(query[1:])} - before
        if added:
            assert any(added <= names for names in own), f"{address} offers {query}"
            found.append((address.partition("?")[0] + query, before | added))
    return found


def _changes(response: Any) -> Any:
    assert response.status_code == 200
    return response.context["cl"]


def _rows(response: Any) -> set[str]:
    return {str(row.pk) for row in _changes(response).result_list}


def _age_everything() -> None:
    for model in apps.get_models():
        fields = {field.name for field in model._meta.get_fields()}
        if "created_at" in fields and model._meta.app_label in ("participants", "programs"):
            with connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {model._meta.db_table} SET created_at = created_at - interval '400 days'"
                )
