"""A seeded bank: plausible customers whose future is known, because the project ships no recorded data.

`simulate(SimulationParameters(customers=2000, days=120, seed=7))` gives a `Simulation`: `.events()` in time order
over all feeds, and `.truth`, what was planted (who leaves and why, who calls again and again, which complaint is
late). The same parameters give the same bytes on every machine. docs/simulator.md explains what is plausible and
what is deliberately simple.
"""

from streams.simulator.initiative import is_customer_initiated
from streams.simulator.parameters import BANK_ZONE, SimulationParameters
from streams.simulator.population import Simulation, simulate
from streams.simulator.truth import Truth

__all__ = ["BANK_ZONE", "Simulation", "SimulationParameters", "Truth", "is_customer_initiated", "simulate"]
