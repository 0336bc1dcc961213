"""One customer's life: the persona, the plans of every theme, the run through the books, what is true about it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from models.events import FeedEvent
from streams.simulator.draws import Draws
from streams.simulator.pace import Pace
from streams.simulator.parameters import DAY_S, SimulationParameters
from streams.simulator.persona import Persona
from streams.simulator.rhythm import Calendar
from streams.simulator.teller import Teller
from streams.simulator.timeline import Timeline
from streams.simulator.truth import Attriter, Case, Decoy, Episode, Newcomer


@dataclass(slots=True)
class CustomerTruth:
    """What is true about one customer."""

    attriter: Attriter | None = None
    decoys: list[Decoy] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    newcomer: Newcomer | None = None


@dataclass(slots=True)
class LivedLife:
    """A customer's events in time order, and what is true about them."""

    events: list[FeedEvent]
    truth: CustomerTruth


class Life:
    """What the planners of the themes share about one customer."""

    def __init__(self, number: int, parameters: SimulationParameters, calendar: Calendar, persona: Persona) -> None:
        self.number: Final = number
        self.parameters: Final = parameters
        self.calendar: Final = calendar
        self.persona: Final = persona
        self.teller: Final = Teller(number, parameters.origin)
        self.pace: Final = Pace(parameters.days)
        self.timeline: Final = Timeline(persona.joined_s, parameters.end_s)
        self.first_day: Final = persona.joined_s // DAY_S
        self.onset_s: int | None = None
        """When leaving begins; None for a customer who stays beyond the simulated time."""
        self.truth: Final = CustomerTruth()

    def draws(self, theme: str) -> Draws:
        """This customer's own stream for a theme."""
        return Draws(self.parameters.seed, self.number, theme)

    def at(self, at_s: int) -> datetime:
        """Local time of a second."""
        return self.parameters.origin + timedelta(seconds=at_s)
