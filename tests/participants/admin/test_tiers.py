"""Tiers set in the admin."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from participants.models import Enrollment, EnrollmentStatus, TierStanding
from participants.state.tiers import TierChange, set_tier
from tests.admin_pages import shown_fields
from tests.conftest import TESTER
from tests.participants.admin.ledger_pages import ana, changes_of, make_track, page_of
from tests.participants.ledger_world import World
from tests.staff import staff_client, told


def test_a_tier_is_set_and_cleared(admin_client: Client, world: World) -> None:
    track = make_track(world.program)
    page = page_of(ana(), f"tiers/{track.pk}/")

    admin_client.post(page, {"level": "gold", "expires_at": "2100-01-01T10:30", "step": "confirm"})
    standing = TierStanding.objects.get()
    shown = shown_fields(admin_client.get(page), "part_form")
    cleared = admin_client.post(page, {"level": "", "expires_at": "", "step": "confirm"})

    assert (standing.level, f"{standing.expires_at:%Y-%m-%d %H:%M}") == ("gold", "2100-01-01 10:30")
    assert shown["level"] == ["gold"]
    assert shown["expires_at"] == ["2100-01-01T10:30:00"]
    assert told(cleared)[-1] == "Status: ana is on the base."
    assert changes_of(ana()) == [
        ("tier", "status", "ADD", None, "gold", "staff:admin"),
        ("tier", "status", "REMOVE", "gold", None, "staff:admin"),
    ]


def test_an_expiry_that_was_not_edited_stays_to_the_microsecond(
    admin_client: Client, world: World
) -> None:
    track = make_track(world.program)
    expires_at = timezone.now() + timedelta(days=1)
    set_tier("ana", "status", world.program.pk, TierChange("gold", expires_at), by=TESTER)
    page = page_of(ana(), f"tiers/{track.pk}/")

    shown = shown_fields(admin_client.get(page), "part_form")
    admin_client.post(page, shown | {"level": ["silver"], "step": ["confirm"]})

    assert TierStanding.objects.get().level == "silver"
    assert TierStanding.objects.get().expires_at == expires_at


def test_a_level_is_pinned_and_the_page_shows_what_is_earned_beneath(
    admin_client: Client, world: World
) -> None:
    track = make_track(world.program)
    set_tier("ana", "status", world.program.pk, TierChange("gold"), by=TESTER)
    page = page_of(ana(), f"tiers/{track.pk}/")

    done = admin_client.post(
        page, {"level": "silver", "expires_at": "", "pinned": "on", "step": "confirm"}
    )
    form = admin_client.get(page).context["form"]
    person = admin_client.get(page_of(ana()))

    assert told(done)[-1] == "Status: ana is on Silver."
    standing = TierStanding.objects.get()
    assert (standing.level, standing.pinned, standing.earned_level) == ("silver", True, "gold")
    assert form.initial == {"level": "silver", "expires_at": None, "pinned": True}
    assert "Stands on Silver; has earned Gold." in form.fields["level"].help_text
    [standing] = person.context["standings"]
    assert (standing.level, standing.tier.is_pinned, standing.earned) == ("Silver", True, "Gold")
    # A box that is not ticked takes the pin off: the level becomes the earned one.
    admin_client.post(page, {"level": "silver", "expires_at": "", "step": "confirm"})
    standing = TierStanding.objects.get()
    assert (standing.level, standing.pinned, standing.earned_level) == ("silver", False, "silver")
    assert [row[1:5] for row in changes_of(ana())] == [
        ("status", "ADD", None, "gold"),
        ("status", "CHANGE", "gold", "silver"),
        ("status.pinned", "ADD", None, True),
        ("status.earned_level", "CHANGE", "gold", "silver"),
        ("status.pinned", "REMOVE", True, None),
    ]


def test_the_base_is_pinned_for_a_while(admin_client: Client, world: World) -> None:
    track = make_track(world.program)
    page = page_of(ana(), f"tiers/{track.pk}/")

    admin_client.post(
        page, {"level": "", "expires_at": "2100-01-01T10:30", "pinned": "on", "step": "confirm"}
    )

    standing = TierStanding.objects.get()
    assert (standing.level, standing.pinned) == ("", True)
    assert f"{standing.expires_at:%Y-%m-%d %H:%M}" == "2100-01-01 10:30"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"level": "bronze"}, "level"),
        ({"level": "gold", "expires_at": "2001-01-01T00:00"}, "expires_at"),
        ({"level": "gold", "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"level": "", "expires_at": "2100-01-01T00:00"}, "expires_at"),
    ],
)
def test_what_a_tier_cannot_be_is_an_error_on_its_field(
    admin_client: Client, world: World, fields: dict[str, str], field: str
) -> None:
    track = make_track(world.program)

    response = admin_client.post(page_of(ana(), f"tiers/{track.pk}/"), fields)

    assert list(response.context["form"].errors) == [field]
    assert not TierStanding.objects.exists()


def test_a_tier_of_a_program_without_an_active_enrollment_is_refused(
    admin_client: Client, world: World
) -> None:
    track = make_track(world.program)
    Enrollment.objects.update(status=EnrollmentStatus.CLOSED)

    response = admin_client.post(
        page_of(ana(), f"tiers/{track.pk}/"), {"level": "gold", "step": "confirm"}
    )

    assert response.context["form"].errors == {
        "level": ["The participant has no active enrollment in this program."]
    }


@pytest.mark.parametrize(
    ("permission", "exists", "status"),
    [
        ("add_tierstanding", False, 302),
        ("add_tierstanding", True, 403),
        ("change_tierstanding", False, 403),
        ("change_tierstanding", True, 302),
    ],
)
def test_a_tier_is_added_and_changed_by_those_who_may_by_api(
    world: World, permission: str, exists: bool, status: int
) -> None:
    track = make_track(world.program)
    if exists:
        set_tier("ana", track.key, world.program.pk, TierChange("silver"), by=TESTER)
    client = staff_client("view_participant", "view_tierstanding", permission)

    page = client.get(page_of(ana())).content.decode()
    response = client.post(
        page_of(ana(), f"tiers/{track.pk}/"), {"level": "gold", "step": "confirm"}
    )

    assert response.status_code == status
    assert (f"tiers/{track.pk}/" in page) == (status == 302)


def test_a_tier_needs_its_permission(world: World) -> None:
    track = make_track(world.program)
    client = staff_client("view_participant", "view_tierstanding")

    response = client.post(
        page_of(ana(), f"tiers/{track.pk}/"), {"level": "gold", "step": "confirm"}
    )

    assert response.status_code == 403
    assert not TierStanding.objects.exists()
