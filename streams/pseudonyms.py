"""Pseudonymisation (脱敏) at the door: identifiers are replaced before anything is stored.

HMAC-SHA-256 under the bank's key, so that equal identifiers stay equal, and nobody without the key can tell whose
they are or try out candidates.
"""

import base64
import hmac

import msgspec

from models.events import Event

_FIELDS = ("event_id", "customer_id", "account_id", "product_id", "call_id", "case_id", "adviser")
MIN_KEY_BYTES = 16


class Pseudonymiser:
    """Replaces every identifier, those of events too: a bank's event ids often name the customer.

    The same key gives the same pseudonyms, so that whoever holds it can look an alert's evidence up.
    """

    def __init__(self, key: bytes) -> None:
        """Use `key`, which must have at least `MIN_KEY_BYTES` bytes."""
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"pseudonym key: expected at least {MIN_KEY_BYTES} bytes, found {len(key)}")
        self._key = key

    @property
    def fingerprint(self) -> str:
        """Tells one key from another, and nothing else about it."""
        return self.pseudonym("key", "fingerprint")

    def pseudonym(self, kind: str, identifier: str) -> str:
        """26 characters for an identifier; `kind` keeps a customer and an account of the same id apart."""
        digest = hmac.digest(self._key, f"{kind}:{identifier}".encode(), "sha256")
        return base64.b32encode(digest[:16]).decode("ascii").rstrip("=").lower()

    def applied_to(self, event: Event) -> Event:
        """The event under pseudonyms."""
        changes = {
            field: self.pseudonym(field, identifier)
            for field in _FIELDS
            if (identifier := getattr(event, field, None)) is not None
        }
        return msgspec.structs.replace(event, **changes)
