"""Write `models/nominal_scale.py`: how each feature is spread over a simulated bank.

Run it again when the features change: `python -m benchmarks.quality.nominal_scale > models/nominal_scale.py`.
"""

import sys
from collections.abc import Iterator

import numpy as np

from config.policies import load_policies
from models.context import FoldContext
from models.customer import Customer
from models.decay import DAY_MS
from models.events import FeedEvent, epoch_ms
from models.feature_list import SENSITIVE_SET
from models.features import feature_matrix
from models.fold import fold
from models.rules import Rules
from streams.simulator import SimulationParameters, simulate

CUSTOMERS, DAYS, SEED, EVERY_DAYS = 2000, 180, 7, 7
LEAST_DEVIATION = 0.05
"""What hardly varies in the simulated bank may vary in a real one."""


def main() -> None:
    """Fold the simulated events, look at everybody once a week, and print the module."""
    rules = Rules(load_policies())
    ctx = FoldContext(rules)
    known: dict[str, Customer] = {}
    rows = []
    next_ms = 0
    for event in _events():
        at_ms = epoch_ms(event.occurred_at)
        next_ms = next_ms or at_ms + EVERY_DAYS * DAY_MS
        if at_ms >= next_ms:
            rows.append(feature_matrix([*known.values()], next_ms, rules, SENSITIVE_SET))
            next_ms += EVERY_DAYS * DAY_MS
            ctx.take()
        customer = fold(known.get(event.customer_id), event, at_ms, ctx)  # type: ignore[arg-type]
        if customer is not None:
            known[event.customer_id] = customer
    matrix = np.concatenate(rows)
    out = sys.stdout
    out.write('"""How each feature is spread over a simulated bank: mean and standard deviation, to start from.\n\n')
    out.write("A model that has seen nothing needs a scale; the first one that the learner publishes brings its own.\n")
    out.write(f"Simulated: {CUSTOMERS:,} customers, {DAYS} days, seed {SEED}; everybody is looked at once a week.\n")
    out.write('Written by `python -m benchmarks.quality.nominal_scale`.\n"""\n\nfrom typing import Final\n\n')
    out.write("NOMINAL_SCALE: Final[dict[str, tuple[float, float]]] = {\n")
    for name, column in zip(SENSITIVE_SET.schema.features, matrix.T, strict=True):
        deviation = max(float(np.std(column)), LEAST_DEVIATION)
        out.write(f'    "{name}": ({float(np.mean(column)):.4f}, {deviation:.4f}),\n')
    out.write("}\n")


def _events() -> Iterator[FeedEvent]:
    return simulate(SimulationParameters(customers=CUSTOMERS, days=DAYS, seed=SEED)).events()


if __name__ == "__main__":
    main()
