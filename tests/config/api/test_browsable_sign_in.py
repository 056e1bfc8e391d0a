"""Signing in to the browsable API and out of it."""

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.config.api.browsable_pages import form_of, text_of

if TYPE_CHECKING:
    pass


@pytest.mark.django_db
def test_a_visitor_sees_the_refusal_and_a_way_to_sign_in() -> None:
    response = Client().get("/v1/participants?status=ACTIVE", headers={"Accept": "text/html"})

    assert response.status_code == 401
    assert '"code": "unauthorized"' in text_of(response)
    assert "/api-auth/login/?next=/v1/participants%3Fstatus%3DACTIVE" in text_of(response)
    assert form_of("POST", text_of(response)) == ""


@pytest.mark.django_db
def test_signing_in_and_signing_out_lead_back_to_the_page() -> None:
    User.objects.create_user("rosa", password="a long secret", is_staff=True)
    client = Client(headers={"Accept": "text/html"})
    answers = {"username": "rosa", "password": "a long secret", "next": "/v1/programs"}

    entered = client.post("/api-auth/login/", answers)
    inside = client.get("/v1/programs")
    left = client.post("/api-auth/logout/?next=/v1/programs")
    outside = client.get("/v1/programs")

    assert (entered.status_code, entered["Location"]) == (302, "/v1/programs")
    assert "Sign out rosa" in text_of(inside)
    assert (left.status_code, left["Location"]) == (302, "/v1/programs")
    assert outside.status_code == 401


@pytest.mark.django_db
def test_a_wrong_password_is_told_on_the_page_and_locks_after_ten() -> None:
    User.objects.create_user("rosa", password="a long secret", is_staff=True)
    client = Client()
    wrong = {"username": "rosa", "password": "a guess"}

    answers = [client.post("/api-auth/login/", wrong) for _ in range(10)]
    right = client.post("/api-auth/login/", {**wrong, "password": "a long secret"})

    assert "Please enter a correct username and password." in text_of(answers[0])
    assert right.status_code == 429
