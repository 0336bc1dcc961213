"""What every table of a policy document has in common."""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=400, pattern="^[^\\x00-\\x1f\\x7f]*$")]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the policy document; a key that is not known is refused."""


def content_digest(content: object) -> str:
    """Identity of a document's content (16 hex digits): equal content has an equal digest whatever its layout was."""
    return hashlib.blake2b(msgspec.json.encode(content, order="sorted"), digest_size=8).hexdigest()
