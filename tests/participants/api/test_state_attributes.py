import pytest
from rest_framework.test import APIClient

ANA = "/v1/participants/external:ana"


@pytest.fixture(autouse=True)
def ana(api: APIClient) -> None:
    api.post(
        "/v1/participants",
        {"external_id": "ana", "tags": ["vip", "beta"], "attributes": {"plan": "free", "n": 1}},
    )


def test_attributes_are_listed_merged_set_and_removed(api: APIClient) -> None:
    attributes = f"{ANA}/state/attributes"

    assert api.get(attributes).json() == {
        "data": [{"key": "n", "value": 1}, {"key": "plan", "value": "free"}]
    }
    assert api.patch(attributes, {"attributes": {"n": None, "z": True}}).json() == {
        "data": [{"key": "z", "value": True}, {"key": "plan", "value": "free"}]
    }
    response = api.put(f"{attributes}/plan", {"value": "premium"})
    assert (response.status_code, response.json()) == (200, {"key": "plan", "value": "premium"})
    assert api.delete(f"{attributes}/plan").status_code == 204
    assert api.delete(f"{attributes}/plan").status_code == 204
    assert api.get(attributes).json() == {"data": [{"key": "z", "value": True}]}


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": []}, {"value": {}}, {"x": 1}, 7])
def test_an_attribute_takes_one_plain_value(api: APIClient, body: object) -> None:
    response = api.put(f"{ANA}/state/attributes/plan", body, format="json")

    assert response.status_code == 400
    assert api.get(ANA).json()["attributes"]["plan"] == "free"
