"""The words of all pages of the admin: ours, not Django's, and none that only a database understands."""

import html
import re

from django.test import Client

from tests import pages

_HIDDEN = re.compile(r"<(script|style|code|pre|textarea|title)\b.*?</\1>", re.DOTALL)
_HEADING = re.compile(r"<(title|h1|h2|h3)\b[^>]*>(.*?)</\1>", re.DOTALL)
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
# Statuses are written as words; as they are stored, they are for the API, and in quotes for conditions of rules.
_STORED = re.compile(
    r'(?<!")\b(ACTIVE|SUSPENDED|CLOSED|ARCHIVED|PENDING|COMPLETED|FAILED|LOCKED|FROZEN)\b'
)


def test_no_page_speaks_as_the_database_or_as_django_does(admin_client: Client) -> None:
    pages.fill()
    complaints = []
    for address in pages.addresses(admin_client):
        if not address.startswith("/admin/"):
            continue
        text = admin_client.get(address).content.decode()
        shown = _plain(_HIDDEN.sub(" ", text))
        for level, heading in _HEADING.findall(text):
            words = _plain(heading)
            if _UUID.search(words):
                complaints.append(f"{address}: an id as {level}: {words[:100]}")
            if re.match(
                r"(Change|View|Select) (?!password)[a-z ]+( to change)?$|.*\| Django", words
            ):
                complaints.append(f"{address}: {level} {words[:100]}")
        if re.search(r"\d results?\b|Show all", shown):
            complaints.append(f"{address}: counts results")
        if re.search(r"icon-(no|yes)\.svg", text):
            complaints.append(f"{address}: a cross or a tick for no or yes")
        if found := _STORED.search(shown):
            near = shown[max(found.start() - 40, 0) : found.end() + 40]
            complaints.append(f"{address}: … {near} …")

    assert complaints == [], "\n".join(complaints)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text))).strip()
