"""A drift is noticed, and the learner is back sooner than one that does not notice."""

import random
from collections.abc import Iterator

import msgspec
from river.drift import ADWIN

from models.churn_drift import CHECK_EVERY, MOST_LOSS, LossWatch, LossWindow, learn_watchfully
from models.churn_model import ChurnClassifier, spread
from models.score_metrics import roc_auc

FLIP = 6_000
WINDOW = 1_000


def _alarms(losses: list[float]) -> list[int]:
    window = LossWindow()
    return [place for place, loss in enumerate(losses) if window.add(loss)]


def _losses(count: int, rate: float, draw: random.Random) -> list[float]:
    return [draw.expovariate(1.0 / rate) for _ in range(count)]


def test_steady_losses_raise_no_alarm() -> None:
    """20,000 losses of one distribution."""
    assert _alarms(_losses(20_000, 0.4, random.Random(1))) == []


def test_risen_losses_do_within_some_hundred() -> None:
    """And only once they have risen."""
    draw = random.Random(2)
    alarms = _alarms(_losses(3_000, 0.3, draw) + _losses(2_000, 0.6, draw))
    assert 3_000 < alarms[0] < 3_600


def test_fallen_losses_are_no_alarm() -> None:
    """A learner that gets better is not disturbed, and its worse past is forgotten."""
    draw = random.Random(3)
    window = LossWindow()
    assert not any(window.add(loss) for loss in _losses(2_000, 0.7, draw) + _losses(2_000, 0.3, draw))
    assert window.size < 3_000


def test_it_finds_what_rivers_adwin_finds() -> None:
    """The first change of mean, up to one check, on streams with steps of several heights."""
    for seed, step in enumerate((0.1, 0.2, 0.3)):
        draw = random.Random(seed)
        stream = [min(max(draw.gauss(0.3 + step * (place >= 2_000), 0.15), 0.0), 1.0) for place in range(4_000)]
        oracle = ADWIN(delta=0.002)
        theirs = -1
        for place, value in enumerate(stream):
            oracle.update(value)
            if oracle.drift_detected:
                theirs = place
                break
        ours = _alarms([value * MOST_LOSS for value in stream])[0]
        assert theirs >= 2_000
        assert abs(ours - theirs) <= CHECK_EVERY


def test_a_window_is_small_and_can_be_stored() -> None:
    """Its size grows with the logarithm of what it has seen, and a restored one does the same for ever."""
    draw = random.Random(4)
    window = LossWindow()
    for loss in _losses(30_000, 0.4, draw):
        window.add(loss)
    assert window.size == 30_000
    assert len(window.buckets) < 80
    restored = msgspec.json.decode(msgspec.json.encode(window), type=LossWindow)
    for loss in _losses(2_000, 0.8, draw):
        assert restored.add(loss) == window.add(loss)
    assert restored == window


def test_false_warnings_are_not_hidden_by_the_few_who_leave() -> None:
    """A tenth leaves, unforeseen as ever; the rest are from now on taken for leaving half as much again."""
    draw = random.Random(6)
    watch, together = LossWatch(), LossWindow()
    alarms: list[int] = []
    for place in range(8_000):
        left = draw.random() < 0.1
        loss = draw.expovariate(0.6) if left else draw.expovariate(1.0 / (0.06 if place < 6_000 else 0.09))
        assert not together.add(loss)
        if watch.add(left, loss):
            alarms.append(place)
    assert 6_000 < alarms[0] < 7_600


def _customers(count: int, seed: int) -> Iterator[tuple[dict[str, float], bool]]:
    """What raised the risk lowers it from `FLIP` on, as when a campaign turns the customers around."""
    draw = random.Random(seed)
    for place in range(count):
        x = {name: draw.gauss(0.0, 1.0) for name in "abcdefgh"}
        turn = 1.0 if place < FLIP else -1.0
        yield x, draw.random() < 1.0 / (1.0 + 2.718281828 ** (2.0 - turn * (1.5 * x["a"] + x["b"]) - 0.5 * x["c"]))


def _after_the_flip(watchful: bool) -> tuple[int, list[float]]:
    """How many alarms, and the AUC of each window of scores after the flip."""
    model, losses = ChurnClassifier(), LossWatch()
    alarms = 0
    labels: list[bool] = []
    scores: list[float] = []
    for place, (x, y) in enumerate(_customers(FLIP + 3 * WINDOW, seed=5)):
        z = model.observe(x)
        if place >= FLIP:
            labels.append(y)
            scores.append(model.predict_z(z))
        if watchful:
            alarms += learn_watchfully(model, losses, spread(z), model.predict_z(z), y)
            assert place >= FLIP or not alarms
        else:
            model.learn_z(z, y)
    parts = range(0, len(labels), WINDOW)
    return alarms, [roc_auc(labels[part : part + WINDOW], scores[part : part + WINDOW]) for part in parts]


def test_an_alarm_brings_the_learner_back_sooner() -> None:
    """After two of the features turn around: better in each of the first two windows, and good again in the third."""
    alarms, watched = _after_the_flip(watchful=True)
    _, unwatched = _after_the_flip(watchful=False)
    assert 1 <= alarms <= 5
    assert watched[0] > unwatched[0] + 0.05
    assert watched[1] > unwatched[1] + 0.02
    assert watched[2] > 0.8
