"""What was done with many rows at once is told by name: what it was, and with whom."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from config.quickstart import demo
from participants.events import ingest, process
from participants.events.request import NewEvent
from participants.models import Participant
from programs.api_keys import issue
from programs.models import Scope
from tests.conftest import TESTER
from tests.staff import told

# Django's own, which shows by name what it is about to delete, and that of django-axes, which takes no rows.
OF_OTHERS = {"delete_selected", "cleanup_expired_attempts"}


def actions(boss: User) -> list[tuple[Any, str, str]]:
    request = RequestFactory().get("/")
    request.user = boss
    return [
        (page, name, description)
        for page in admin.site._registry.values()
        for _, name, description in filter(None, page.get_actions(request).values())
        if name not in OF_OTHERS
    ]


@pytest.mark.django_db(transaction=True)
def test_each_action_names_what_it_did_with_whom() -> None:
    boss = User.objects.create_superuser("boss")
    client = Client()
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    demo.make(by=TESTER)
    issue(name="Shop", scopes=[Scope.EVENTS_WRITE], by=TESTER)
    wrong = {"type": "purchase", "amount": "not a number"}
    who = Participant.objects.order_by("pk").last()
    assert who
    ingest.ingest(
        NewEvent(demo.PROGRAM, who.external_id, "wrong", timezone.now(), wrong), by=TESTER
    )
    process.process_now(who.pk)

    found = actions(boss)
    for page, name, description in found:
        listed = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
        # Shown first, which tells what is left to tell; and the list may not have what was archived a moment ago.
        rows = client.get(listed).context["cl"].result_list
        assert rows, (page, name)
        row = rows[0]
        response = client.post(
            listed,
            {
                "action": name,
                ACTION_CHECKBOX_NAME: [str(row.pk)],
                "confirmed": "yes",
                **({"program": str(demo.PROGRAM)} if name == "enroll" else {}),
            },
        )
        assert response.status_code == 302, (page, name)
        said = " ".join(told(response))
        assert str(row) in said, (page, name, said)
        done = description.split()[0][:3].lower()
        assert re.search(rf"\b{done}|was so already", said.lower()), (page, name, said)

    assert len(found) > 10
