from decimal import Decimal

from django.test import Client

from participants.state.counters import CounterChange, set_counter
from participants.state.tiers import TierChange, set_tier
from tests.conftest import TESTER
from tests.participants.admin.ledger_pages import ana, make_track, page_of
from tests.participants.ledger_world import World

HISTORY = "/admin/participants/statechange/"


def test_the_state_history_shows_counters_and_tiers_in_words(
    admin_client: Client, world: World
) -> None:
    make_track(world.program)
    set_counter("ana", "spent", CounterChange(Decimal("1.5")), by=TESTER)
    set_tier("ana", "status", world.program.pk, TierChange("gold"), by=TESTER)
    whose = {"participant__id__exact": str(ana().pk)}

    response = admin_client.get(page_of(ana()))
    counters = admin_client.get(HISTORY, whose | {"state_type__exact": "counter"})

    cells = [[str(cell) for cell in row[2:]] for row in response.context["state_changes"]]
    assert cells[:2] == [["Tier status in Club", "", "gold"], ["Counter spent", "", "1.5"]]
    set_tier("ana", "status", world.program.pk, TierChange("gold", pinned=True), by=TESTER)
    pinned = admin_client.get(page_of(ana())).context["state_changes"][0]
    assert list(map(str, pinned[2:])) == ["Tier status in Club: pinned", "", "true"]
    assert [change.key for change in counters.context["cl"].result_list] == ["spent"]
