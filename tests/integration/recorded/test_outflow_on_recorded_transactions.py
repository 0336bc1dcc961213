"""Asset outflow in recorded transactions: every alert and all its figures, recomputed from the raw files."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import ebbwatch
from tests.support.figures import counted, show
from tests.support.kept import lines_of
from tests.support.outflow_by_hand import (
    NOT_EXTERNAL_COUNTERPARTIES,
    NOT_EXTERNAL_KINDS,
    POLICIES,
    ByHand,
    Move,
    Report,
    differences,
    told,
)
from tests.support.recorded_data import recorded_directory

pytestmark = [pytest.mark.recorded, pytest.mark.proof]


def raw(name: str, delimiter: str = ",") -> list[dict[str, str]]:
    with gzip.open(recorded_directory() / f"{name}.csv.gz", "rt", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def imported(name: str, directory: Path) -> tuple[Path, list[dict[str, Any]]]:
    """The feed that `ebbwatch import` writes, and its events."""
    feed = directory / f"{name}.ndjson"
    done = ebbwatch("import", name, recorded_directory(), "-o", feed)
    assert done.returncode == 0, done.stderr
    return feed, [json.loads(line) for line in lines_of(feed)]


def reports_of_run(feed: Path, data: Path) -> list[Report]:
    """Every asset-outflow alert revision of a run over `feed`."""
    ran = ebbwatch("run", "--embedded", "--data", data, "--metrics-port", 0, feed)
    assert ran.returncode == 0, ran.stderr
    alerts = [json.loads(line)["data"] for line in lines_of(data / "out" / "alerts.ndjson")]
    return [told(alert) for alert in alerts if alert["rule"] == "asset_outflow"]


def last_minute(events: list[dict[str, Any]]) -> int:
    """The last tick of a run over a feed in time order: the whole minute that its last event has reached."""
    return int(datetime.fromisoformat(events[-1]["occurred_at"]).timestamp()) // 60 * 60


def is_external(event: dict[str, Any]) -> bool:
    return (
        event.get("counterparty", "unknown") not in NOT_EXTERNAL_COUNTERPARTIES
        and event["kind"] not in NOT_EXTERNAL_KINDS
    )


def cents(text: str, currency: str) -> int:
    exact = Decimal(text) * 100 * Decimal(str(POLICIES["currencies"]["rates"][currency]))
    return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def by_hand(moves: dict[str, list[Move]], tiers: dict[str, str], last_tick: int) -> tuple[list[Report], int]:
    """Every report that there should be, and how many moments were looked at."""
    walks = [ByHand(customer, tiers.get(customer, "basic")) for customer in moves]
    reports = [report for walk in walks for report in walk.walk(moves[walk.customer], last_tick)]
    return reports, sum(walk.decisions for walk in walks)


def compare(
    title: str, run: list[Report], hand: list[Report], transactions: int, customers: int, looked_at: int
) -> None:
    wanted = {_place(report): report for report in hand}
    found = {_place(report): report for report in run}
    assert len(wanted) == len(hand)
    assert len(found) == len(run)
    differing = Counter(
        name for place in found.keys() & wanted.keys() for name in differences(found[place], wanted[place])
    )
    first = [report for report in run if report.state == "raised"]
    show(
        title,
        transactions=transactions,
        customers=customers,
        moments_decided_by_hand=looked_at,
        revisions=counted(Counter(report.state for report in run)),
        by_hand=counted(Counter(report.state for report in hand)),
        figures_recomputed=sum(len(report.figures) for report in run),
        raised_by_basis=counted(Counter(report.figures["basis"] for report in first)),
        by_trigger=counted(Counter("+".join(report.triggers) for report in first)),
        by_tier=counted(Counter(report.tier for report in first)),
        by_severity=counted(Counter(report.severity for report in first)),
        customers_alerted=len({report.customer for report in first}),
        missing=len(wanted.keys() - found.keys()),
        unexpected=len(found.keys() - wanted.keys()),
        differing_parts=dict(differing) or 0,
    )
    assert first
    assert found.keys() == wanted.keys()
    assert not differing


def _place(report: Report) -> tuple[str, str, int, str, int]:
    return report.customer, report.alert_id, report.revision, report.state, report.at


def test_cmb2020(tmp_path: Path) -> None:
    """Chinese retail customers, no balances: held against their own habit."""
    feed, events = imported("cmb2020", tmp_path)
    run = reports_of_run(feed, tmp_path / "data")
    rows: dict[tuple[str, str, str, int, int], int] = Counter()
    means = {"A": "debit", "B": "credit", "C": "other"}
    for row in raw("cmb2020_transactions"):
        # Naive local time of Shanghai, eight hours ahead of UTC.
        at = int(datetime.fromisoformat(row["trx_tm"]).replace(tzinfo=UTC).timestamp()) - 8 * 3600
        account = f"cmb2020-{row['id']}-{means[row['Dat_Flg3_Cd']]}"
        side = {"B": "out", "C": "in"}[row["Dat_Flg1_Cd"]]
        rows[f"cmb2020-{row['id']}", account, side, at, cents(row["cny_trx_amt"].lstrip("-"), "CNY")] += 1

    moves: dict[str, list[Move]] = defaultdict(list)
    tiers: dict[str, str] = {}
    for event in events:
        if event["type"] == "profile" and "tier" in event:
            tiers[event["customer_id"]] = event["tier"]
        if event["type"] != "transaction":
            continue
        at = int(datetime.fromisoformat(event["occurred_at"]).timestamp())
        amount = cents(repr(event["amount"]), "CNY")
        row_key = (event["customer_id"], event["account_id"], event["direction"], at, amount)
        rows[row_key] -= 1
        signed = amount if event["direction"] == "out" else -amount
        moves[event["customer_id"]].append(Move(at, signed, event["event_id"], is_external(event)))
    assert not any(rows.values()), "an event without its raw row, or a raw row without its event"

    hand, looked_at = by_hand(moves, tiers, last_minute(events))
    compare("asset_outflow on cmb2020", run, hand, sum(map(len, moves.values())), len(moves), looked_at)


SUMMER_TIME = ((date(1993, 3, 28), date(1993, 9, 26)), (date(1994, 3, 27), date(1994, 9, 25)))
"""When Prague was two hours ahead of UTC instead of one."""
KIND_OF_SYMBOL = {
    "UROK": "interest",
    "SANKC. UROK": "interest",
    "SLUZBY": "fee",
    "POJISTNE": "insurance",
    "UVER": "loan",
    "SIPO": "bill",
    "DUCHOD": "payroll",
}


def test_berka(tmp_path: Path) -> None:
    """Czech accounts with balances: held against what there was at the start of the window."""
    feed, events = imported("berka", tmp_path)
    run = reports_of_run(feed, tmp_path / "data")
    rows = {f"berka-trx-{row['trans_id']}": row for row in raw("berka_transactions_1993", ";")}
    owners = {row["account_id"]: row["client_id"] for row in raw("berka_disp", ";") if row["type"] == "OWNER"}
    assert len({owners[row["account_id"]] for row in rows.values()}) == len(
        {row["account_id"] for row in rows.values()}
    )

    moves: dict[str, list[Move]] = defaultdict(list)
    for event in events:  # the order within a day is the reader's; everything else is the row's
        if event["type"] != "transaction":
            continue
        row = rows.pop(event["event_id"])
        text = row["date"]
        day = date(1900 + int(text[:2]), int(text[2:4]), int(text[4:]))
        summer = any(begin <= day < end for begin, end in SUMMER_TIME)
        at = (day - date(1970, 1, 1)).days * 86_400 + (10 if summer else 11) * 3600
        amount = cents(row["amount"], "CZK")
        kind = KIND_OF_SYMBOL.get(row["k_symbol"].strip(), "other")
        moves[f"berka-{owners[row['account_id']]}"].append(
            Move(
                at,
                -amount if row["type"] == "PRIJEM" else amount,
                event["event_id"],
                kind not in NOT_EXTERNAL_KINDS,
                cents(row["balance"], "CZK"),
            )
        )
    assert not rows, "raw rows without an event"

    hand, looked_at = by_hand(moves, {}, last_minute(events))
    compare("asset_outflow on berka", run, hand, sum(map(len, moves.values())), len(moves), looked_at)
