"""Signatures as the specification publishes them, and secrets that are none."""

import base64
import time

import pytest
from standardwebhooks.webhooks import Webhook

from streams.webhooks.signing import SecretError, Signer, decoded_secret
from tests.support.notifier import OTHER_SECRET, SECRET
from tests.support.webhook_receiver import verified

PUBLISHED_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"ebbwatch.alert.raised"}'


def test_the_published_vector() -> None:
    """What Standard Webhooks publishes for its implementations."""
    headers = Signer([decoded_secret(PUBLISHED_SECRET)]).headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_with_two_secrets_a_receiver_may_hold_either() -> None:
    """While a secret is changed both sign: by the specification's library and by its words."""
    now_s = int(time.time())
    headers = Signer([decoded_secret(SECRET), decoded_secret(OTHER_SECRET)]).headers("a.1", now_s, BODY)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OTHER_SECRET):
        assert Webhook(secret).verify(BODY, headers)
        assert verified(secret, headers, BODY, now_s)
    assert not verified(PUBLISHED_SECRET, headers, BODY, now_s)


def test_the_test_receiver_notices_changes() -> None:
    """The verifier that the proofs rest on refuses another body, id or time, and an attempt of long ago."""
    headers = Signer([decoded_secret(SECRET)]).headers("a.1", 1000, BODY)
    assert verified(SECRET, headers, BODY, 1000.0)
    assert not verified(SECRET, headers, BODY + b" ", 1000.0)
    assert not verified(SECRET, {**headers, "webhook-id": "a.2"}, BODY, 1000.0)
    assert not verified(SECRET, {**headers, "webhook-timestamp": "1001"}, BODY, 1000.0)
    assert not verified(SECRET, headers, BODY, 2000.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_CANARY not base64 at all, but long enough to be",
        "whsec_" + base64.b64encode(b"CANARY").decode(),
        "whsec_" + base64.b64encode(b"C" * 65).decode(),
    ],
)
def test_a_secret_that_is_none_is_refused_unseen(text: str) -> None:
    """Too short, too long or mistyped: the specification's library would sign with some of them."""
    with pytest.raises(SecretError, match="expected whsec_ and 24 to 64 bytes in base64") as error:
        decoded_secret(text)
    assert "CANARY" not in str(error.value)


def test_an_id_that_could_end_a_header_is_refused() -> None:
    """Nothing but letters, digits and three signs gets into a header."""
    with pytest.raises(ValueError, match="webhook id"):
        Signer([decoded_secret(SECRET)]).headers("a\r\nHost: evil", 1000, BODY)
