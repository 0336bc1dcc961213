"""Signatures by Standard Webhooks: HMAC-SHA-256 over id, time of the attempt and body, by every secret in force.

The signing itself is the specification's own library, so that a receiver who verifies with it cannot disagree with us.
It takes any text for a secret, though, and drops what is no base64 in it: so secrets are checked here, strictly.

The id is an alert's id, a full stop and its revision. The specification warns of full stops in ids that a user
controls; ours are a hash and a number, and equal to the CloudEvent's id.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
_WEBHOOK_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class SecretError(ValueError):
    """A secret that cannot sign; the message says what was expected, never what was found."""


def decoded_secret(text: str) -> bytes:
    """The key in `whsec_...`; raises `SecretError`."""
    expected = f"expected {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in base64"
    if not text.startswith(PREFIX):
        raise SecretError(expected)
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise SecretError(expected) from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise SecretError(expected)
    return key


class Signer:
    """Signs for one endpoint; with two secrets in force a receiver may hold either."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Sign with each of `keys`, in this order."""
        self._keys = [Webhook(key) for key in keys]

    def headers(self, webhook_id: str, at_s: int, body: bytes) -> dict[str, str]:
        """The three headers of an attempt made at `at_s` (Unix time)."""
        if not _WEBHOOK_ID.fullmatch(webhook_id):
            raise ValueError("webhook id: expected letters, digits, '.', '-' and '_'")
        at, text = datetime.fromtimestamp(at_s, UTC), body.decode()
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": " ".join(key.sign(webhook_id, at, text) for key in self._keys),
        }
