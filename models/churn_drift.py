"""Notices that the losses of the score have risen, by ADWIN, in a form that can be stored.

ADWIN (Bifet and Gavalda, SIAM SDM 2007) keeps a window of the latest losses and drops its older part when that has
another mean than the newer one, beyond what chance explains. River's has no state that can be written down, and a
learner that forgets its window at a restart would not repeat what it did.
"""

from math import log, sqrt
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from models.churn_model import ChurnClassifier, Features

DELTA: Final = 0.002
"""Chance of a false alarm at one check."""
CHECK_EVERY: Final = 32
LEAST: Final = 5
"""Losses on either side of a cut."""
GRACE: Final = 10
"""Losses before the first check."""
BUCKETS: Final = 5
"""Buckets of one size before two of them are merged."""
MOST_LOSS: Final = 4.0
"""A single loss counts as no more (a probability of 2 % for what happened): the test is for bounded numbers."""
MOST_LOSS_STAYED: Final = 1.0
"""The bound for those who stayed, whose losses are small: the closer the bound, the sooner the test is sure."""


class Bucket(Struct, array_like=True, gc=False):
    """So many successive losses, by their sum and the sum of their squares."""

    size: int
    total: float
    squares: float


class LossWindow(Struct):
    """The window: buckets from the oldest on, of sizes that fall by powers of two; stored as it is."""

    buckets: list[Bucket] = field(default_factory=list)
    seen: int = 0

    @property
    def size(self) -> int:
        """Losses in the window."""
        return sum(bucket.size for bucket in self.buckets)

    def add(self, loss: float, most: float = MOST_LOSS) -> bool:
        """One more loss; whether losses have risen. When they have fallen, their older part is forgotten in silence."""
        bounded = min(max(loss, 0.0), most) / most
        self.buckets.append(Bucket(1, bounded, bounded * bounded))
        self._merge()
        self.seen += 1
        if self.seen % CHECK_EVERY or self.size <= GRACE:
            return False
        rose = False
        change = self._cut()
        while change is not None:
            rose = rose or change > 0.0
            change = self._cut()
        return rose

    def _merge(self) -> None:
        buckets = self.buckets
        end = len(buckets)
        while True:
            start = end
            while start and buckets[start - 1].size == buckets[end - 1].size:
                start -= 1
            if end - start <= BUCKETS:
                return
            older, newer = buckets[start], buckets[start + 1]
            buckets[start : start + 2] = [
                Bucket(older.size + newer.size, older.total + newer.total, older.squares + newer.squares)
            ]
            end = start + 1

    def _cut(self) -> float | None:
        """Drop the oldest bucket if the window has two means; by how much the newer is higher, None if it has one."""
        count, total = self.size, sum(bucket.total for bucket in self.buckets)
        variance = max(sum(bucket.squares for bucket in self.buckets) / count - (total / count) ** 2, 0.0)
        confidence = log(2.0 * log(count) / DELTA) if count > 2 else 0.0
        before, sum_before = 0, 0.0
        for bucket in self.buckets[:-1]:
            before += bucket.size
            sum_before += bucket.total
            after = count - before
            if before < LEAST or after < LEAST:
                continue
            change = (total - sum_before) / after - sum_before / before
            weight = 1.0 / (before - LEAST + 1) + 1.0 / (after - LEAST + 1)
            if abs(change) > sqrt(2.0 * weight * variance * confidence) + 2.0 / 3.0 * weight * confidence:
                del self.buckets[0]
                return change
        return None


class LossWatch(Struct):
    """The losses of those who left and of those who stayed, each in a window of its own; stored as it is.

    In one window, the large and scattered losses of the few who leave hide for months that many who stay are taken for
    leaving, and how many leave passes for how well they are told apart.
    """

    stayed: LossWindow = field(default_factory=LossWindow)
    left: LossWindow = field(default_factory=LossWindow)

    @property
    def seen(self) -> int:
        """Losses so far."""
        return self.stayed.seen + self.left.seen

    @property
    def rarer(self) -> int:
        """Losses of the rarer outcome so far: how many labels of it have been learnt, corrections left out."""
        return min(self.stayed.seen, self.left.seen)

    def add(self, label: bool, loss: float) -> bool:
        """One more loss; whether those of its kind have risen."""
        return self.left.add(loss) if label else self.stayed.add(loss, MOST_LOSS_STAYED)

    def copy(self) -> "LossWatch":
        """One that goes its own way."""
        stayed, left = (LossWindow(list(one.buckets), one.seen) for one in (self.stayed, self.left))
        return LossWatch(stayed, left)


def learn_watchfully(model: "ChurnClassifier", losses: LossWatch, basis: "Features", p: float, label: bool) -> bool:
    """Learn a label; when losses have risen, make the model learn fast again. Whether that was so.

    `p` is what the model says now of the example whose basis this is.

    The loss is that of the model as it is now, not of the score that was given at the observation: an alarm about what
    has been learnt since would come a label's delay too late, and again and again.
    """
    rose = losses.add(label, -log(max(p if label else 1.0 - p, 1e-15)))
    model.learn_basis(basis, label)
    if rose:
        model.loosen()
    return rose
