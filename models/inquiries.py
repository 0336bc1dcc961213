"""Contacts for each reason, as the aggregate keeps them: encoded until a contact, a deadline or a score asks."""

import msgspec

from models.customer import Customer, Inquiry

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[str, Inquiry])


def inquiries_of(customer: Customer) -> dict[str, Inquiry]:
    """Inquiries by reason, in the order in which the reasons were first heard: a copy, for `keep_inquiries`."""
    return _decoder.decode(customer.inquiries) if customer.inquiries else {}


def keep_inquiries(customer: Customer, inquiries: dict[str, Inquiry]) -> None:
    """Remember `inquiries` instead of what was remembered."""
    customer.inquiries = _encoder.encode(inquiries) if inquiries else b""
