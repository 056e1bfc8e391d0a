"""README's loop, run with a client that openapi-python-client makes of the OpenAPI document."""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from django.conf import settings
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from config.wsgi import application
from programs.models import Program

CUSTOMER = "external:customer-1001"
LAUREL = httpx.WSGITransport(app=application)

pytestmark = [pytest.mark.usefixtures("connection_stays_open"), pytest.mark.once]


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The generated package `laurel_client`."""
    document = tmp_path / "openapi.json"
    with httpx.Client(transport=LAUREL) as browser:
        document.write_bytes(browser.get("http://testserver/v1/openapi.json").content)
    config = Config.from_sources(
        ConfigFile(post_hooks=[]),  # no formatting
        MetaType.NONE,
        document_source=document,
        file_encoding="utf-8",
        overwrite=False,
        output_path=tmp_path / "laurel_client",
    )

    warnings = generate(config=config)

    assert list(warnings) == []
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("laurel_client")


def operations_of(generated: ModuleType) -> dict[str, ModuleType]:
    """The module of each operation, imported."""
    names = [name for _, name, _ in pkgutil.walk_packages(generated.__path__, "laurel_client.")]
    modules = {name: importlib.import_module(name) for name in names}
    return {
        name.rpartition(".")[2]: module
        for name, module in modules.items()
        if hasattr(module, "sync_detailed")
    }


def shown_in_readme(call: str, **ids: object) -> Any:
    """The body that README sends to this call, with our ids in place of its dots."""
    text = (settings.BASE_DIR / "README.md").read_text(encoding="utf-8")
    sent = re.search(rf"curl \S+/v1/{call} [^']*'(.+?)'\n?", text, re.DOTALL)
    assert sent, call
    body = sent[1]
    for name, value in ids.items():
        body = body.replace(f'"{name}": "…"', f'"{name}": "{value}"')
    return json.loads(body)


def test_readmes_loop_runs_with_a_generated_client(
    generated: ModuleType, key: str, program: Program
) -> None:
    operations, models = operations_of(generated), importlib.import_module("laurel_client.models")
    client = generated.AuthenticatedClient(
        base_url="http://testserver",
        token=key,
        raise_on_unexpected_status=True,
        httpx_args={"transport": LAUREL},
    )

    def call(operation: str, body: Any = None, **parameters: Any) -> Any:
        more = {} if body is None else {"body": body}
        return operations[operation].sync(client=client, **more, **parameters)

    points = {"name": "Points", "symbol": "PTS", "scale": 2, "program_id": str(program.pk)}
    asset = call("assets_create", models.AssetRequest.from_dict(points))
    ids = {"program_id": program.pk, "asset_id": asset.id}
    levels = [{"key": "gold", "rank": 3, "benefits": ["Lounge"]}]
    track = models.NewTierTrackRequest.from_dict({"key": "status", "levels": levels})
    call("programs_tiers_create", track, program_id=program.pk)

    rule = call("rules_create", models.NewRuleRequest.from_dict(shown_in_readme("rules", **ids)))
    assert isinstance(rule.actions[0], models.CreditAction)

    purchase = models.EventBodyRequest.from_dict(shown_in_readme("events", **ids))
    event = call("events_create", purchase, prefer="wait=5")
    assert isinstance(event, models.Event)
    assert event.status == models.EventStatus.COMPLETED
    assert event.rule_evaluations[0].outcome == models.RuleEvaluationOutcome.MATCHED
    assert call("events_create", purchase).id == event.id
    found = call("events_by_key", program_id=program.pk, idempotency_key="order-77120")
    assert found == event

    who = shown_in_readme("participants")
    upserted = call("participants_upsert", models.UpsertRequest.from_dict(who))
    assert upserted == call("participants_retrieve", participant=CUSTOMER)
    assert upserted.tags == ["vip"]
    assert upserted.attributes["plan"] == "premium"
    assert [row.available for row in upserted.balances] == ["49.90"]

    trial = models.TrialRequest.from_dict(
        {"event": {"type": "purchase", "amount": 10}, "external_id": "customer-1001"}
    )
    simulated = call("programs_simulate", trial, program_id=program.pk)
    assert simulated.rule_evaluations[0].actions[0]["amount"] == "20.00"  # for a VIP

    sorry = shown_in_readme("participants/external:customer-1001/balances/adjust", **ids)
    for _ in range(2):
        adjusted = call(
            "balances_adjust",
            models.AdjustmentRequest.from_dict(sorry),
            participant=CUSTOMER,
            idempotency_key="case-4711",
        )
        assert adjusted.balance.available == "75.40"

    level = models.TierRequest(level="gold")
    tier = call("tiers_set", level, participant=CUSTOMER, tier="status", program_id=program.pk)
    assert (tier.level, tier.benefits) == ("gold", ["Lounge"])
    assert call("tiers_list", participant=CUSTOMER).data == [tier]

    unknown = call("participants_retrieve", participant="external:nobody")
    assert unknown.code == models.ErrorCode.NOT_FOUND
