"""The cache of decoded customers: bounded, and never without those just used."""

import random

import pytest

from models.customer import Customer
from models.fold import new_customer
from streams.customer_cache import CustomerCache


def batch(*numbers: int) -> dict[str, Customer]:
    return {f"c{number}": new_customer(f"c{number}", number) for number in numbers}


@pytest.mark.parametrize("bound", [0, 1, 2, 3, 10, 101])
def test_the_bound_holds(bound: int) -> None:
    """However batches fall, at most the bound and one batch are held."""
    chooser = random.Random(bound)
    cache = CustomerCache(bound)
    for _ in range(500):
        customers = batch(*(chooser.randrange(1000) for _ in range(chooser.randrange(30))))
        cache.keep(customers)
        assert len(cache) <= max(bound, 2) + 30


@pytest.mark.parametrize("bound", [1, 2, 7, 100])
def test_who_was_just_kept_is_there(bound: int) -> None:
    """Right after a batch all of its customers are cached, the very objects."""
    chooser = random.Random(bound)
    cache = CustomerCache(bound)
    for _ in range(200):
        customers = batch(*(chooser.randrange(300) for _ in range(chooser.randrange(40))))
        cache.keep(customers)
        assert all(cache.get(name) is customer for name, customer in customers.items())


def test_half_of_the_bound_survives() -> None:
    """Whoever was used within the last half of the bound is still there."""
    cache = CustomerCache(100)
    for number in range(1000):
        cache.keep(batch(number))
        for back in range(min(number + 1, 50)):
            assert cache.get(f"c{number - back}") is not None


def test_the_newer_of_two_wins() -> None:
    """A customer that both generations hold is the one kept last."""
    cache = CustomerCache(4)
    cache.keep(batch(1, 2))
    newer = batch(1)
    cache.keep(newer)

    assert cache.get("c1") is newer["c1"]


def test_clearing_forgets_everyone() -> None:
    """After a conflict nobody may be believed."""
    cache = CustomerCache(4)
    cache.keep(batch(1, 2))
    cache.keep(batch(3))
    cache.clear()

    assert len(cache) == 0
    assert [cache.get(f"c{number}") for number in (1, 2, 3)] == [None, None, None]
