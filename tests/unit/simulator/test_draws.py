"""The draws have the distributions that they claim, and repeat."""

from statistics import mean, median

import pytest

from streams.simulator.draws import Draws, Weighted


def test_a_stream_repeats_and_streams_differ() -> None:
    """The same subject draws the same, another subject something else."""
    assert Draws(7, 1, "money").random() == Draws(7, 1, "money").random()
    assert Draws(7, 1, "money").random() != Draws(7, 11, "money").random()


def test_known_first_draw() -> None:
    """The first draw of a stream is the same in every release of Python."""
    assert Draws(7, 1, "money").random() == 0.9635088050663886


def test_distributions() -> None:
    """Means and medians are where they should be."""
    draws = Draws("distributions")
    assert mean(draws.poisson(2.5) for _ in range(5_000)) == pytest.approx(2.5, rel=0.05)
    assert mean(draws.exponential(3.0) for _ in range(5_000)) == pytest.approx(3.0, rel=0.08)
    assert median(draws.lognormal(40.0, 1.1) for _ in range(5_000)) == pytest.approx(40.0, rel=0.1)
    assert mean(draws.normal() for _ in range(5_000)) == pytest.approx(0.0, abs=0.06)
    paretos = [draws.pareto(0.3, 14.0, 1.25) for _ in range(5_000)]
    assert 0.3 <= min(paretos) < max(paretos) <= 14.0
    assert {draws.integer(1, 3) for _ in range(200)} == {1, 2, 3}
    assert draws.poisson(0.0) == 0


def test_weights() -> None:
    """Items come by their weight; the whole range is covered."""
    table = Weighted({"rare": 1.0, "usual": 9.0})
    draws = Draws("weights")
    assert mean(draws.weighted(table) == "rare" for _ in range(5_000)) == pytest.approx(0.1, abs=0.02)
    assert table.at(0.0) == "rare"
    assert table.at(0.9999999999999999) == "usual"
