"""What a fold is told and what it gives back: the clock, the rules, outputs and counted decisions."""

from collections import Counter
from enum import StrEnum

from msgspec import Struct, field

from models.pins import Pins
from models.rules import Rules
from models.scoring_model import Scoring, cold_model, ready

_NO_RATE = 0.5


class Reason(StrEnum):
    """Why a rule decided as it did; the values are metric labels, so the set stays small and closed."""

    # Counted for every event: an enum's own hash is a Python call, a string's is not.
    __hash__ = str.__hash__

    RAISED = "raised"
    WORSE = "worse"
    RESOLVED = "resolved"
    BELOW_FLOOR = "below_floor"
    BELOW_THRESHOLD = "below_threshold"
    NO_BASIS = "no_basis"
    UNCHANGED = "unchanged"
    COOLDOWN = "cooldown"
    COOLDOWN_OVER = "cooldown_over"
    STALE = "stale"
    IGNORED = "ignored"
    RETRACTED = "retracted"
    OPENED = "opened"
    INFERRED = "inferred"
    UNKNOWN_STEP = "unknown_step"
    CONTRADICTORY = "contradictory"
    AFTER_LEAVING = "after_leaving"
    NO_ROOM = "no_room"
    LEFT = "left"
    OBSERVED = "observed"
    OUTCOME_STAYED = "outcome_stayed"
    OUTCOME_LEFT = "outcome_left"
    OUTCOME_CLOSED_BY_BANK = "outcome_closed_by_bank"
    CORRECTED = "corrected"
    MODEL_REFUSED = "model_refused"
    UNKNOWN_ALERT = "unknown_alert"
    AFTER_CLOSING = "after_closing"
    FEEDBACK_ACKNOWLEDGED = "feedback_acknowledged"
    FEEDBACK_CONTACTED = "feedback_contacted"
    FEEDBACK_DISMISSED = "feedback_dismissed"
    FEEDBACK_SNOOZED = "feedback_snoozed"
    FEEDBACK_RETAINED = "feedback_retained"
    FEEDBACK_LOST = "feedback_lost"
    FEEDBACK_FALSE_ALARM = "feedback_false_alarm"
    FEEDBACK_UNREACHABLE = "feedback_unreachable"
    FEEDBACK_OTHER = "feedback_other"


class Fate(StrEnum):
    """What became of a ledger record; metric labels as well."""

    __hash__ = str.__hash__

    FOLDED = "folded"
    DUPLICATE_EVENT = "duplicate_event"
    REPLAYED_SOURCE = "replayed_source"
    CONTROL = "control"


class Stream(StrEnum):
    """Where an output goes; `streams.names` gives each its topic."""

    ALERTS = "alerts"
    CASES = "cases"
    SCORES = "scores"
    EXAMPLES = "examples"


class Output(Struct, frozen=True):
    """One record that the fold wants to leave the house, with an id derived from its cause."""

    stream: Stream
    key: str
    output_id: str
    body: Struct


class ClockEvent(StrEnum):
    """What happened to an SLA clock; metric labels as well."""

    __hash__ = str.__hash__

    WARNED = "warned"
    BREACHED = "breached"
    RETRACTED = "retracted"
    MET = "met"
    LATE = "late"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"


class Results(Struct):
    """What folding has to say: outputs in order, counted decisions and fates, and moves in sorted indexes.

    `clocks` counts what happened to SLA clocks, by (profile, clock, event); `used` are the shares of their targets that
    clocks had used when they stopped, by (profile, clock). `scored` is how often a customer was scored.

    `rankings` holds the last score of each (index, member), None to take the member out. What a member is, a customer
    or something of a customer's, each index decides by itself.
    """

    outputs: list[Output] = field(default_factory=list)
    decisions: Counter[tuple[str, Reason]] = field(default_factory=Counter)
    fates: Counter[Fate] = field(default_factory=Counter)
    rankings: dict[tuple[str, str], float | None] = field(default_factory=dict)
    clocks: Counter[tuple[str, str, ClockEvent]] = field(default_factory=Counter)
    used: list[tuple[str, str, float]] = field(default_factory=list)
    scored: int = 0


def cold(rules: Rules) -> Scoring:
    """The model before there is one; without a churn policy nothing asks it."""
    return ready(cold_model(rules.churn.base_rate if rules.churn is not None else _NO_RATE))


class FoldContext:
    """Arguments and results of folding, shared by all records of one shard.

    `clock_ms` is the shard's time as its ticks have told it, `pins` the complaint policies that cases began with,
    `scoring` the model in force: the cold one until the ledger has brought another.
    Results accumulate until whoever drives the fold takes them.
    """

    __slots__ = (
        "clock_ms",
        "clocks",
        "decisions",
        "fates",
        "outputs",
        "pins",
        "rankings",
        "rules",
        "scored",
        "scoring",
        "used",
    )

    def __init__(
        self, rules: Rules, clock_ms: int = 0, pins: Pins | None = None, scoring: Scoring | None = None
    ) -> None:
        """Start with nothing folded."""
        self.rules = rules
        self.clock_ms = clock_ms
        self.pins = pins or Pins(rules, {}, {})
        self.scoring = scoring or cold(rules)
        self._clear()

    def _clear(self) -> None:
        self.outputs: list[Output] = []
        self.decisions: Counter[tuple[str, Reason]] = Counter()
        self.fates: Counter[Fate] = Counter()
        self.rankings: dict[tuple[str, str], float | None] = {}
        self.clocks: Counter[tuple[str, str, ClockEvent]] = Counter()
        self.used: list[tuple[str, str, float]] = []
        self.scored = 0

    def take(self) -> Results:
        """The results so far; the context starts anew."""
        results = Results(self.outputs, self.decisions, self.fates, self.rankings, self.clocks, self.used, self.scored)
        self._clear()
        return results

    def decide(self, rule: str, reason: Reason) -> None:
        """Count one decision of `rule`."""
        self.decisions[rule, reason] += 1

    def rank(self, index: str, member: str, score: float | None) -> None:
        """Put a member into a sorted index, or take it out with None."""
        self.rankings[index, member] = score
