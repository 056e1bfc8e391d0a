from django.test import override_settings
from rest_framework.test import APIClient

from programs.models import ApiKey


@override_settings(RATE_LIMIT="3/hour")
def test_a_key_beyond_its_rate_is_told_when_to_come_back(api: APIClient) -> None:
    answers = [api.get("/v1/programs") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"3"}
    assert answers[3].json()["code"] == "too_many_requests"
    assert 0 < int(answers[3].headers["Retry-After"]) <= 3600


@override_settings(RATE_LIMIT="3/hour")
def test_refused_calls_carry_the_rate_and_count(api: APIClient) -> None:
    ApiKey.objects.update(scopes=["events:write"])

    answers = [api.get("/v1/programs") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1"]


@override_settings(RATE_LIMIT="")
def test_without_a_rate_there_are_no_headers_of_it(api: APIClient) -> None:
    assert "X-RateLimit-Limit" not in api.get("/v1/programs").headers
