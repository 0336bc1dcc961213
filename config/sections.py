"""What every table of a policy document has in common."""

from typing import Annotated

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=400, pattern="^[^\\x00-\\x1f\\x7f]*$")]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the policy document; a key that is not known is refused."""
