"""What can be set about the simulated bank; checked at once, so that a run never fails half way."""

from datetime import date, datetime, time, timedelta, timezone

from msgspec import Struct

BANK_ZONE = timezone(timedelta(hours=8))
"""Asia/Shanghai as a fixed offset: China has had no daylight saving time since 1991, so no zone data is needed."""
CURRENCY = "CNY"
DAY_S = 86_400
HOUR_S = 3_600
MAX_CUSTOMERS = 10_000_000
MAX_DAYS = 3_660
_SHARES = (
    "attrition_rate",
    "decoy_rate",
    "complaint_rate",
    "episode_rate",
    "late_share",
    "process_failure_share",
    "newcomer_share",
    "core_share",
    "potential_share",
)


class SimulationParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides the output, besides the version of the simulator itself.

    Rates are the expected share of customers (0..1) to whom it happens within 90 days; the rate of leaving is that
    of an average customer, each customer's own risk multiplies it. ``start`` is the first local day of the bank;
    the simulated time runs from its midnight for ``days`` days. ``drift_day`` counts days from ``start``; from then
    on customers leave for other reasons and some signals mean their opposite (None: never). Raises ValueError when
    a value is out of its bounds.
    """

    customers: int = 2_000
    days: int = 120
    seed: int = 7
    start: date = date(2026, 1, 5)
    attrition_rate: float = 0.10
    decoy_rate: float = 0.12
    complaint_rate: float = 0.05
    episode_rate: float = 0.03
    late_share: float = 0.15
    process_failure_share: float = 0.08
    newcomer_share: float = 0.04
    core_share: float = 0.10
    potential_share: float = 0.25
    activity: float = 1.0
    drift_day: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.customers <= MAX_CUSTOMERS:
            raise ValueError(f"customers must be within 1..{MAX_CUSTOMERS}, not {self.customers}")
        if not 1 <= self.days <= MAX_DAYS:
            raise ValueError(f"days must be within 1..{MAX_DAYS}, not {self.days}")
        for name in _SHARES:
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be within 0..1, not {value}")
        if self.core_share + self.potential_share > 1.0:
            raise ValueError("core_share and potential_share must not exceed 1 together")
        if not 0.0 < self.activity <= 10.0:
            raise ValueError(f"activity must be above 0 and at most 10, not {self.activity}")
        if self.drift_day is not None and self.drift_day < 0:
            raise ValueError(f"drift_day must not be negative, not {self.drift_day}")
        if not 1990 <= self.start.year <= 2090:
            raise ValueError(f"start must be within 1990..2090, not {self.start}")

    @property
    def origin(self) -> datetime:
        """Local midnight at which the simulated time begins; every ``*_s`` of the simulator counts from here."""
        return datetime.combine(self.start, time(), BANK_ZONE)

    @property
    def end_s(self) -> int:
        """Seconds from the origin to the end of the simulated time (exclusive)."""
        return self.days * DAY_S
