"""What to do about a run of records that begins behind the one that is due: pass over what is gone, or go back."""


def back_to(due: int, begins: int, earliest: int) -> int | None:
    """The offset to read again from; None when all between `due` and `begins` is gone for good, and nothing else is.

    `earliest` is the first offset of the partition that is still there. What is there was skipped by whoever reads:
    to pass over it would lose it.
    """
    return None if due < begins <= earliest else max(due, earliest)
