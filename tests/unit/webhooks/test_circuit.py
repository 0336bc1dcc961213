"""Whether an endpoint may be sent anything."""

from random import Random

from streams.webhooks.circuit import CircuitRules, Standing

RULES = CircuitRules(failures=3, first_s=30, most_s=100)


def failing(standing: Standing, times: int, now_ms: int = 1000, probe: bool = False) -> Standing:
    draw = Random(7)
    for _ in range(times):
        standing.failed(now_ms, now_ms, probe, RULES, draw)
    return standing


def test_failures_in_a_row_open_it() -> None:
    """Not before the third; then nothing goes out for a while."""
    assert failing(Standing(name="a"), 2).slots(1000, 0, 8) == 8
    standing = failing(Standing(name="a"), 3)
    assert standing.half_open
    assert standing.slots(1000 + 14_000, 0, 8) == 0
    assert 15_000 <= standing.open_until_ms - 1000 <= 30_000


def test_then_a_single_probe() -> None:
    """Not beside anything that is still under way, and only its success lets the others go."""
    standing = failing(Standing(name="a"), 3)
    later = standing.open_until_ms
    assert standing.slots(later, 1, 8) == 0
    assert standing.slots(later, 0, 8) == 1
    standing.probe(later + 5000)
    assert standing.slots(later + 4999, 0, 8) == 0
    standing.works(later + 4999)
    assert standing.slots(later + 4999, 0, 8) == 8


def test_a_failed_probe_doubles_the_time_up_to_the_most() -> None:
    """A dead endpoint costs less and less."""
    standing = failing(Standing(name="a"), 3)
    waits = []
    for _ in range(4):
        now_ms = standing.open_until_ms
        failing(standing, 1, now_ms, probe=True)
        waits.append(standing.open_until_ms - now_ms)
    assert 30_000 <= waits[0] <= 60_000
    assert all(50_000 <= wait <= 100_000 for wait in waits[1:])


def test_failures_under_way_when_it_opened_do_not_lengthen_it() -> None:
    """Seven that fail together open it once."""
    standing = failing(Standing(name="a"), 3)
    until_ms = standing.open_until_ms
    failing(standing, 7)
    assert standing.open_until_ms == until_ms
    assert standing.openings == 1


def test_a_failure_that_began_before_a_success_says_nothing() -> None:
    """Attempts that hang at a healthy endpoint end in a row, long after the others were answered."""
    standing = Standing(name="a")
    standing.works(2000)
    draw = Random(7)
    for _ in range(10):
        standing.failed(1500, 3000, False, RULES, draw)
    assert standing.failures == 0
    assert not standing.half_open


def test_a_pause_never_shortens() -> None:
    """Of two answers that ask to wait the longer counts."""
    standing = Standing(name="a")
    standing.pause(5000)
    standing.pause(3000)
    assert standing.slots(4999, 0, 8) == 0
    assert standing.slots(5000, 3, 8) == 5


def test_disabled_until_resumed() -> None:
    """410 keeps everything back, whatever time passes, and resuming forgets the failures too."""
    standing = failing(Standing(name="a"), 3)
    standing.disable(2000)
    assert standing.slots(10**15, 0, 8) == 0
    standing.resume()
    assert standing.slots(2000, 0, 8) == 8
    assert not standing.half_open
