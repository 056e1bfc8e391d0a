import pytest
from django.test import RequestFactory, override_settings

from config.api.authentication import client_address


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "address"),
    [
        (False, "6.6.6.6", "10.0.0.1"),
        (True, "6.6.6.6", "6.6.6.6"),
        # Whatever stands before the last entry, the caller may have made up.
        (True, "1.1.1.1, 6.6.6.6", "6.6.6.6"),
        (True, "", "10.0.0.1"),
    ],
)
def test_a_sign_in_is_counted_for_the_address_that_nobody_can_choose(
    behind_proxy: bool, forwarded: str, address: str
) -> None:
    request = RequestFactory().get(
        "/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="10.0.0.1"
    )

    with override_settings(BEHIND_PROXY=behind_proxy):
        assert client_address(request) == address
