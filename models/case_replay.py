"""What was told of every clock, and when: a feed folded in its order of arrival, by one version of the policies.

The fold is the real one (`models.fold`), so that a back-test says what the service would have said. Nothing is kept
but in memory.
"""

from heapq import heappop, heappush
from typing import NamedTuple

from msgspec import Struct

from config.policies import Policies
from models import sla
from models.case_state import CaseState, add_milestone
from models.case_verdict import CaseVerdict
from models.case_view import view
from models.context import FoldContext
from models.customer import Customer
from models.events import Complaint, Event
from models.fold import fold, fold_due
from models.rules import Rules
from models.sla import Verdict

OPEN = (Verdict.RUNNING, Verdict.PAUSED)


class ClockKey(NamedTuple):
    """One clock in one cycle of one case."""

    customer_id: str
    case_id: str
    profile: str
    clock: str
    cycle: int


class FirstWord(Struct, frozen=True):
    """The first verdict on a clock, and when it was told; running or paused where none was told by the end."""

    verdict: Verdict
    at_ms: int


class CaseReplay:
    """Takes events and ticks in their order.

    `first` is what was told first of each clock; `cases` has every step that was heard, by customer and case, whether
    or not the case had left by then.
    """

    def __init__(self, policies: Policies) -> None:
        """Fold by `policies`, with nobody known."""
        self.first: dict[ClockKey, FirstWord] = {}
        self.cases: dict[tuple[str, str], CaseState] = {}
        self._ctx = FoldContext(Rules(policies))
        self._customers: dict[str, Customer] = {}
        self._due: list[tuple[int, str]] = []
        self._cycles_before: dict[tuple[str, str], int] = {}

    @property
    def clock_ms(self) -> int:
        """The time of the latest tick."""
        return self._ctx.clock_ms

    def take(self, event: Event, at_ms: int) -> None:
        """Fold one event; one whose id is among the customer's latest changes nothing."""
        before = self._customers.get(event.customer_id)
        due_before_ms = 0 if before is None else before.due_ms
        customer = fold(before, event, at_ms, self._ctx)
        if customer is None:
            return
        self._customers[event.customer_id] = customer
        if customer.due_ms and customer.due_ms != due_before_ms:
            heappush(self._due, (customer.due_ms, event.customer_id))
        if isinstance(event, Complaint):
            key = (event.customer_id, event.case_id)
            if key not in self.cases:
                self.cases[key] = CaseState(event.case_id, "", customer.tier, 1)
            add_milestone(self.cases[key], event, at_ms, customer.profile.preferred_channel)
            self._listen(customer, max(at_ms, self.clock_ms))
        else:
            self._ctx.take()

    def tick(self, now_ms: int) -> None:
        """Let time pass until `now_ms`."""
        if now_ms <= self.clock_ms:
            return
        self._ctx.clock_ms = now_ms
        while self._due and self._due[0][0] <= now_ms:
            due_ms, customer_id = heappop(self._due)
            customer = self._customers[customer_id]
            if customer.due_ms != due_ms:
                continue
            fold_due(customer, due_ms, self._ctx)
            self._listen(customer, due_ms)
            if customer.due_ms:
                heappush(self._due, (customer.due_ms, customer_id))

    def end(self) -> None:
        """Note the clocks of which nothing has been told yet."""
        for customer in self._customers.values():
            for case in customer.cases:
                for _, run in view(case, self._ctx.pins.of(case.policy)).runs:
                    verdict = sla.verdict(run, max(self.clock_ms, case.milestones[-1].at_ms))
                    self._hear(customer.customer_id, case.case_id, run.key, verdict, self.clock_ms)

    def _listen(self, customer: Customer, at_ms: int) -> None:
        """Note what has been told of the customer's cases for the first time."""
        for output in self._ctx.take().outputs:
            if isinstance(output.body, CaseVerdict):
                self._hear_last_word(output.body, at_ms)
        for case in customer.cases:
            for told in case.told:
                if told.ended:
                    self._hear(customer.customer_id, case.case_id, told.key, Verdict(told.ended), at_ms)
                elif told.breach_ms:
                    self._hear(customer.customer_id, case.case_id, told.key, Verdict.BREACHED, at_ms)

    def _hear_last_word(self, last: CaseVerdict, at_ms: int) -> None:
        for one in last.clocks:
            key = f"{one.profile}/{one.clock}/{one.cycle}"
            self._hear(last.customer_id, last.case_id, key, Verdict(one.verdict), at_ms)
        # Should the case come back, that is its next cycle.
        of_case = (last.customer_id, last.case_id)
        self._cycles_before[of_case] = self._cycles_before.get(of_case, 0) + last.cycles

    def _hear(self, customer_id: str, case_id: str, key: str, verdict: Verdict, at_ms: int) -> None:
        profile, clock, cycle = key.split("/")
        number = int(cycle) + self._cycles_before.get((customer_id, case_id), 0)
        self.first.setdefault(ClockKey(customer_id, case_id, profile, clock, number), FirstWord(verdict, at_ms))
