import pytest
from rest_framework.test import APIClient

ANA = "/v1/participants/external:ana"


@pytest.fixture(autouse=True)
def ana(api: APIClient) -> None:
    api.post(
        "/v1/participants",
        {"external_id": "ana", "tags": ["vip", "beta"], "attributes": {"plan": "free", "n": 1}},
    )


def test_tags_are_listed_replaced_added_and_removed(api: APIClient) -> None:
    tags = f"{ANA}/state/tags"

    assert api.get(tags).json() == {"data": [{"tag": "vip"}, {"tag": "beta"}]}
    added = api.put(f"{tags}/New")
    assert (added.status_code, added.json()) == (201, {"tag": "new"})
    assert api.put(f"{tags}/new").status_code == 200
    assert api.delete(f"{tags}/VIP").status_code == 204
    assert api.delete(f"{tags}/vip").status_code == 204
    assert api.get(tags).json() == {"data": [{"tag": "beta"}, {"tag": "new"}]}
    assert api.put(tags, {"tags": ["X", "x", "y"]}).json() == {"data": [{"tag": "x"}, {"tag": "y"}]}


def test_a_tag_too_many_is_refused(api: APIClient) -> None:
    api.put(f"{ANA}/state/tags", {"tags": [str(n) for n in range(100)]})

    response = api.put(f"{ANA}/state/tags/one-more")

    assert response.status_code == 400
    assert api.put(f"{ANA}/state/tags/99").status_code == 200


def test_a_tag_may_hold_a_slash(api: APIClient) -> None:
    api.put(f"{ANA}/state/tags/a/b")

    assert {"tag": "a/b"} in api.get(f"{ANA}/state/tags").json()["data"]


def test_an_address_may_hold_a_line_end(api: APIClient) -> None:
    api.post("/v1/participants", {"external_id": "two\nlines"})

    response = api.put("/v1/participants/external:two%0Alines/state/tags/c%0Ad")

    assert (response.status_code, response.json()) == (201, {"tag": "c\nd"})


def test_a_tag_too_long_for_one_is_refused_and_was_never_there(api: APIClient) -> None:
    response = api.put(f"{ANA}/state/tags/{'x' * 256}")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["details"]["fields"]] == ["tag"]
    assert api.delete(f"{ANA}/state/tags/{'x' * 256}").status_code == 204


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_a_nul_in_the_path_is_refused(api: APIClient, method: str) -> None:
    response = getattr(api, method)(f"{ANA}/state/tags/a%00b", RAW_URI=f"{ANA}%2F/state/tags/a%00b")

    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"
    assert response.json()["request_id"] == response.headers["X-Request-ID"]
