"""A bounded cache of decoded customers, cheap enough for the hot path."""

from models.customer import Customer


class CustomerCache:
    """Keeps the customers of recent batches, between half of `bound` and `bound` of them.

    Two generations: what a batch used goes into the young one; when that holds half of the bound it becomes the old
    one, and the old one is dropped. Costs two dictionary look-ups, where an LRU order
    costs bookkeeping at each access.
    """

    def __init__(self, bound: int) -> None:
        """Hold at most about `bound` customers, and those of one batch."""
        self._half = max(bound // 2, 1)
        self._young: dict[str, Customer] = {}
        self._old: dict[str, Customer] = {}

    def get(self, customer_id: str) -> Customer | None:
        """The cached customer, if there is one."""
        return self._young.get(customer_id) or self._old.get(customer_id)

    def keep(self, customers: dict[str, Customer]) -> None:
        """Remember the customers of a batch that has been committed."""
        self._young.update(customers)
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}

    def clear(self) -> None:
        """Forget everyone: the store knows better."""
        self._young.clear()
        self._old.clear()

    def __len__(self) -> int:
        """Customers held; one that both generations hold counts twice."""
        return len(self._young) + len(self._old)
