"""Every page writes times and numbers as its reader does, and by nothing else."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from programs.models import Program
from tests import pages

GERMAN = {"accept-language": "de"}
PROGRAM = "/admin/programs/program/"


def test_no_template_formats_a_time_or_a_number_by_itself() -> None:
    raw = re.compile(r"\|\s*(date|time|floatformat|localize|intcomma)\b")
    templates = Path(settings.BASE_DIR, "templates").rglob("*.html")

    assert [str(each) for each in templates if raw.search(each.read_text())] == []


@pytest.mark.parametrize("package", ["participants/admin", "programs/admin", "config/admin"])
def test_no_page_of_the_admin_formats_a_time_by_itself(package: str) -> None:
    raw = re.compile(r"\{[^{}]*:%Y-%m-%d %H")
    modules = Path(settings.BASE_DIR, package).rglob("*.py")

    assert [str(each) for each in modules if raw.search(each.read_text())] == []


def test_a_page_of_a_program_is_in_its_zone_until_the_user_chooses_one(
    admin_client: Client, program: Program
) -> None:
    Program.objects.update(time_zone="Asia/Kolkata", created_at="2026-07-15T20:00:00Z")
    page = f"{PROGRAM}{program.pk}/edit/"

    def shown() -> str:
        content = admin_client.get(page).content.decode()
        return ", ".join(re.findall(r"2026-07-1\d \d\d:\d\d:\d\d \w+", content))

    assert "2026-07-16 01:30:00 IST" in shown()
    choice = {"zone": "Europe/Berlin", "next": page}
    assert admin_client.post("/admin/time-zone/", choice).headers["Location"] == page
    assert "2026-07-15 22:00:00 CEST" in shown()
    admin_client.post("/admin/time-zone/", {"zone": ""})
    assert "2026-07-16 01:30:00 IST" in shown()


@pytest.mark.parametrize("zone", ["Mars/Olympus", "localtime", "../etc/passwd", "\0"])
def test_an_unknown_zone_is_refused(admin_client: Client, zone: str) -> None:
    response = admin_client.post("/admin/time-zone/", {"zone": zone})

    assert "zone" in response.context["form"].errors
    assert "time_zone" not in admin_client.session


def test_the_choice_leads_to_no_other_site(admin_client: Client) -> None:
    response = admin_client.post("/admin/time-zone/", {"zone": "UTC", "next": "//evil.example/"})

    assert response.headers["Location"] == "/admin/"


@pytest.mark.slow
def test_no_page_shows_a_time_without_its_zone(
    admin_client: Client,
) -> None:
    pages.fill()
    raw = re.compile(r">[^<>]*\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?!:\d\d [A-Z+-]|[:\d]* [A-Z+-])")
    found = [
        path
        for path in pages.addresses(admin_client)
        if path.startswith(("/admin/participants", "/admin/programs"))
    ]

    complaints = {
        path: raw.findall(re.sub(r"(?s)<(pre|script|textarea|code)\b.*?</\1>", "", content))[:2]
        for path in found
        if (content := admin_client.get(path, headers=GERMAN).content.decode())
    }

    assert {path: texts for path, texts in complaints.items() if texts} == {}
