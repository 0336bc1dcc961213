"""The asset-outflow rule worked out by brute force: every figure anew from all movements, in exact decimals.

Written from the rule's documentation and the policy file; shares no code with models/. Meant for feeds in time order.
"""

import hashlib
import tomllib
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, field

POLICIES: dict[str, Any] = tomllib.loads(
    (Path(__file__).resolve().parents[2] / "config" / "policies.toml").read_text("utf-8")
)
RULE: dict[str, Any] = POLICIES["asset_outflow"]
WINDOW, HISTORY = RULE["window_days"], RULE["history_days"]
HALF_LIFE_DAYS = 90
SHANGHAI_S = 8 * 3600
"""The bank's days are Shanghai's, eight hours ahead of UTC all year since 1991."""
DAY_S = 86_400
NOT_EXTERNAL_KINDS = ("payroll", "fee", "interest", "loan")
NOT_EXTERNAL_COUNTERPARTIES = ("own_account", "bank")
MOST_EVIDENCE = 8


class Move(Struct):
    """One transaction: epoch second, cents (out positive), and the balance behind it where that is known."""

    at: int
    cents: int
    event_id: str
    external: bool
    balance: int | None = None

    @property
    def day(self) -> int:
        return (self.at + SHANGHAI_S) // DAY_S


class Report(Struct):
    """What an alert revision should say."""

    customer: str
    state: str
    raised_at: int
    at: int
    alert_id: str
    revision: int
    severity: str
    tier: str
    triggers: list[str]
    evidence: list[str]
    figures: dict[str, Any]


class Measured(Struct):
    """The rule's figures at one moment, in cents."""

    today: int
    out: int
    into: int
    threshold: Decimal
    large: Decimal
    drain: Decimal
    basis: str
    assets: int | None
    habit: Decimal | None

    @property
    def net(self) -> int:
        return self.out - self.into


class Open(Struct):
    """An alert that is open, or resolved and cooling down."""

    alert_id: str
    raised_at: int
    due: int
    cooling: bool = False
    revision: int = 0
    severity: str = ""
    net: int = 0
    triggers: list[str] = field(default_factory=list)


@cache
def weight(days_ago: int) -> Decimal:
    return Decimal(2) ** (Decimal(-days_ago) / HALF_LIFE_DAYS)


@cache
def weights_until(days: int) -> Decimal:
    return sum((weight(ago) for ago in range(days)), Decimal(0))


class ByHand:
    """Walks one customer's movements and collects what should have been reported."""

    def __init__(self, customer: str, tier: str) -> None:
        self.customer = customer
        self.tier = tier
        self.external: list[Move] = []
        self.ins: dict[int, int] = defaultdict(int)
        self.outs: dict[int, int] = defaultdict(int)
        self.balance: int | None = None
        self.open: Open | None = None
        self.reports: list[Report] = []
        self.decisions = 0

    def walk(self, moves: list[Move], last_tick: int) -> list[Report]:
        """All reports of the customer; ticks come on whole minutes, before the events of that minute."""
        for move in moves:
            self._pass_time(move.at // 60 * 60)
            self._see_balance(move.balance)
            if not move.external:
                continue
            self.external.append(move)
            side = self.outs if move.cents > 0 else self.ins
            side[move.day] += abs(move.cents)
            self._on_move(move)
        self._pass_time(last_tick)
        return self.reports

    def _see_balance(self, balance: int | None) -> None:
        if balance is None:
            return
        self.balance = balance
        tiers = POLICIES["tiers"]
        if balance >= 100 * tiers["core_assets"]:
            self.tier = "core"
        elif balance >= 100 * tiers["potential_assets"] and self.tier == "basic":
            self.tier = "potential"

    def _pass_time(self, now: int) -> None:
        while self.open is not None and self.open.due <= now:
            at = self.open.due
            if self.open.cooling:
                self.open = None
                self._consider(at, None, f"deadline:{at * 1000}")
            else:
                self._look_again(at, None)

    def _on_move(self, move: Move) -> None:
        leaving = move if move.cents > 0 else None
        if self.open is not None and self.open.cooling:
            if move.at < self.open.due:
                return
            self.open = None
        if self.open is not None:
            self._look_again(move.at, leaving)
        elif leaving is not None:
            self._consider(move.at, leaving, f"event:{move.event_id}")

    def _consider(self, at: int, leaving: Move | None, cause: str) -> None:
        self.decisions += 1
        out, into = self._window((at + SHANGHAI_S) // DAY_S)
        if out - into < 100 * RULE[self.tier]["floor"]:
            return
        found = self.measure(at)
        if found.basis == "none":
            return
        triggers = self._triggers(found, leaving)
        if not triggers:
            return
        words = "\x1f".join(("asset_outflow", self.customer, "", cause))
        alert_id = hashlib.blake2b(words.encode(), digest_size=8).hexdigest()
        self.open = Open(alert_id, at, self._next_midnight(found))
        self._report("raised", found, triggers, at)

    def _look_again(self, at: int, leaving: Move | None) -> None:
        self.decisions += 1
        state = self.open
        assert state is not None
        found = self.measure(at)
        state.due = self._next_midnight(found)
        if found.net < Decimal(str(RULE["resolve_ratio"])) * found.threshold:
            self._report("resolved", found, state.triggers, at)
            state.cooling, state.due = True, at + RULE["cooldown_days"] * DAY_S
            return
        fresh = [] if found.basis == "none" else self._triggers(found, leaving)
        triggers = state.triggers + [trigger for trigger in fresh if trigger not in state.triggers]
        grew = found.net >= Decimal(str(RULE["worse_ratio"])) * state.net
        worse = self._severity(found) == "critical" and state.severity != "critical"
        if grew or worse or triggers != state.triggers:
            self._report("updated", found, triggers, at)

    def _triggers(self, found: Measured, leaving: Move | None) -> list[str]:
        triggers = []
        if found.net >= found.threshold:
            if self._draining(found) >= RULE["sustained_days"]:
                triggers.append("sustained")
            elif found.net >= Decimal(str(RULE["critical_ratio"])) * found.threshold:
                triggers.append("rapid")
        half = Decimal(str(RULE["resolve_ratio"])) * found.threshold
        if leaving is not None and leaving.cents >= found.large and found.net >= half:
            triggers.append("large_transaction")
        return triggers

    def measure(self, at: int) -> Measured:
        """Everything anew, for the window that ends with the local day of `at`."""
        today = (at + SHANGHAI_S) // DAY_S
        before = today - WINDOW
        out, into = self._window(today)
        net = out - into
        known_days = before - min(move.day for move in self.external) + 1
        habit = None
        if known_days >= HISTORY:
            weighted = sum(
                (weight(before - day) * cents for day, cents in self.outs.items() if day <= before), Decimal(0)
            )
            habit = weighted / weights_until(known_days)
        number = {name: Decimal(str(value)) for name, value in RULE[self.tier].items() if isinstance(value, float)}
        floor = 100 * number["floor"]
        general = {name: Decimal(str(value)) for name, value in RULE.items() if isinstance(value, float)}
        assets = None
        if self.balance is not None:
            assets = max(self.balance + net, 1)
            least = floor if habit is not None else 100 * general["cold_floor"]
            if habit is not None:
                least = max(least, habit * WINDOW * general["usual_multiple"])
            threshold = max(number["assets_share"] * assets, least)
            large = max(number["large_share"] * assets, least)
            drain = max(general["drain_share"] * assets, general["drain_multiple"] * (habit or 0))
            basis = "balances"
        elif habit is not None:
            threshold = max(number["habit_multiple"] * habit * WINDOW, floor)
            large = max(number["large_multiple"] * habit * WINDOW, floor)
            drain = general["drain_multiple"] * habit
            basis = "habit"
        else:
            threshold = large = 100 * general["cold_floor"]
            drain = Decimal(0)
            basis = "none"
        return Measured(today, out, into, threshold, large, drain, basis, assets, habit)

    def _window(self, today: int) -> tuple[int, int]:
        days = range(today - WINDOW + 1, today + 1)
        return sum(self.outs.get(day, 0) for day in days), sum(self.ins.get(day, 0) for day in days)

    def _draining(self, found: Measured) -> int:
        days = range(found.today - WINDOW + 1, found.today + 1)
        return sum(self.outs.get(day, 0) - self.ins.get(day, 0) > found.drain for day in days if self._moved_on(day))

    def _moved_on(self, day: int) -> bool:
        return day in self.outs or day in self.ins

    def _severity(self, found: Measured) -> str:
        return "critical" if found.net >= Decimal(str(RULE["critical_ratio"])) * found.threshold else "warning"

    def _next_midnight(self, found: Measured) -> int:
        return (found.today + 1) * DAY_S - SHANGHAI_S

    def _largest(self, found: Measured) -> list[Move]:
        """The largest outflow of each day of the window, the first of equal ones; the largest of them first."""
        best: dict[int, Move] = {}
        for move in self.external:
            within = move.cents > 0 and found.today - WINDOW < move.day <= found.today
            if within and (move.day not in best or move.cents > best[move.day].cents):
                best[move.day] = move
        return sorted(best.values(), key=lambda move: (-move.cents, move.day))[:MOST_EVIDENCE]

    def _report(self, state: str, found: Measured, triggers: list[str], at: int) -> None:
        alert = self.open
        assert alert is not None
        if state != "resolved":
            alert.severity, alert.net, alert.triggers = self._severity(found), found.net, triggers
        alert.revision += 1
        largest = self._largest(found)
        figures: dict[str, Any] = {
            "currency": POLICIES["currencies"]["reporting"],
            "window_from": _date(found.today - WINDOW + 1),
            "window_to": _date(found.today),
            "out": found.out / 100,
            "in": found.into / 100,
            "net_outflow": found.net / 100,
            "threshold": found.threshold / 100,
            "draining_days": self._draining(found),
            "basis": found.basis,
        }
        if found.assets is not None:
            figures["assets_at_start"] = found.assets / 100
            if found.assets > 1:
                figures["share_of_assets"] = Decimal(found.net) / found.assets
        if found.habit is not None:
            figures["habitual_daily_outflow"] = found.habit / 100
        if largest:
            figures["largest_outflow"] = largest[0].cents / 100
        self.reports.append(
            Report(
                customer=self.customer,
                state=state,
                raised_at=alert.raised_at,
                at=at,
                alert_id=alert.alert_id,
                revision=alert.revision,
                severity=alert.severity,
                tier=self.tier,
                triggers=alert.triggers,
                evidence=[move.event_id for move in largest],
                figures=figures,
            )
        )


def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def told(alert: dict[str, Any]) -> Report:
    """An alert of the run, in the same form."""
    return Report(
        customer=alert["customer_id"],
        state=alert["state"],
        raised_at=_second(alert["raised_at"]),
        at=_second(alert["at"]),
        alert_id=alert["alert_id"],
        revision=alert["revision"],
        severity=alert["severity"],
        tier=alert["tier"],
        triggers=alert["triggers"],
        evidence=alert["evidence"],
        figures=alert["figures"],
    )


def _second(text: str) -> int:
    instant = datetime.fromisoformat(text)
    assert instant.microsecond == 0
    return int((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


ROUNDED = {
    "threshold": Decimal("0.0051"),
    "habitual_daily_outflow": Decimal("0.0051"),
    "share_of_assets": Decimal("0.000051"),
}
"""Figures that the run states rounded, and by how much they may differ from the exact ones."""


def differences(run: Report, hand: Report) -> list[str]:
    """Names of the parts in which two reports differ, rounding apart."""
    names = [
        name for name in Report.__struct_fields__ if name != "figures" and getattr(run, name) != getattr(hand, name)
    ]
    for name in {*run.figures, *hand.figures}:
        mine, theirs = run.figures.get(name), hand.figures.get(name)
        if name in ROUNDED and mine is not None and theirs is not None:
            if abs(Decimal(str(mine)) - theirs) > ROUNDED[name]:
                names.append(name)
        elif mine != theirs:
            names.append(name)
    return names
