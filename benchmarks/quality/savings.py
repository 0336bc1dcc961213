"""Scenario `savings_churn`: savings customers of two quarters, in arbitrary order, labels 2,000 arrivals late.

The balance of the next quarter below the minimum is the label. There are no dates, so the order is drawn, several
times, and "late" means behind so many other customers.
"""

import csv
import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.labelled import Floats, Labelled

FILE = "savings_churn.csv.gz"
DELAY = 2_000
WARM_UP = 5_000
MONEY = 500.0
"""Amounts are on an asinh scale: linear up to about this one, logarithmic beyond."""

BALANCES = {
    "balance": "current_balance",
    "balance at the end of last month": "previous_month_end_balance",
    "mean balance of last quarter": "average_monthly_balance_prevQ",
    "mean balance of the quarter before": "average_monthly_balance_prevQ2",
    "mean balance this month": "current_month_balance",
    "mean balance last month": "previous_month_balance",
}
FLOWS = {
    "credits this month": "current_month_credit",
    "credits last month": "previous_month_credit",
    "debits this month": "current_month_debit",
    "debits last month": "previous_month_debit",
}
RATIOS = (
    ("balance", "mean balance of last quarter"),
    ("balance", "balance at the end of last month"),
    ("balance", "mean balance this month"),
    ("mean balance this month", "mean balance last month"),
    ("mean balance this month", "mean balance of last quarter"),
    ("balance at the end of last month", "mean balance last month"),
    ("mean balance of last quarter", "mean balance of the quarter before"),
    ("debits this month", "debits last month"),
    ("credits this month", "credits last month"),
)
OCCUPATIONS = ("self_employed", "salaried", "student", "retired", "company")


def read_savings(directory: Path) -> Labelled:
    """The customers in the order of the file."""
    with gzip.open(directory / FILE, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    features = _features(rows)
    at = np.arange(len(rows), dtype=np.int64)
    labels = np.array([row["churn"] == "1" for row in rows])
    return Labelled(tuple(features), np.column_stack(list(features.values())), labels, at, at + DELAY, at >= WARM_UP)


def shuffled(customers: Labelled, seed: int) -> tuple[Labelled, NDArray[np.int64]]:
    """The same customers in an order drawn by `seed`, and that order."""
    order = np.random.default_rng(seed).permutation(len(customers.labels))
    return customers._replace(matrix=customers.matrix[order], labels=customers.labels[order]), order


def _features(rows: list[dict[str, str]]) -> dict[str, Floats]:
    raw = {column: _column(rows, column) for column in (*BALANCES.values(), *FLOWS.values())}
    scaled = {name: np.arcsinh(raw[column] / MONEY) for name, column in BALANCES.items()}
    scaled |= {name: np.log1p(raw[column]) for name, column in FLOWS.items()}
    features = dict(scaled)
    for now, then in RATIOS:
        features[f"{now} / {then}"] = scaled[now] - scaled[then]
    usual = np.maximum(raw["average_monthly_balance_prevQ"], 1.0)
    for month, prefix in (("this month", "current"), ("last month", "previous")):
        credit, debit = raw[f"{prefix}_month_credit"], raw[f"{prefix}_month_debit"]
        features[f"net flow {month}"] = np.arcsinh((credit - debit) / MONEY)
    features["debits this month / usual balance"] = np.log1p(raw["current_month_debit"] / usual)
    features["credits this month / usual balance"] = np.log1p(raw["current_month_credit"] / usual)
    for name, column in (("days since last transaction", "days_since_last_transaction"), ("dependents", "dependents")):
        values = _column(rows, column)
        features[name] = np.log1p(np.nan_to_num(values))
        features[f"{name} unknown"] = np.isnan(values).astype(float)
    features["age"] = _column(rows, "age")
    features["tenure"] = np.log(_column(rows, "vintage"))
    features["city unknown"] = _is(rows, "city", "")
    features["male"] = _is(rows, "gender", "Male")
    features["gender unknown"] = _is(rows, "gender", "")
    for worth in ("1", "2", "3"):
        features[f"net worth category {worth}"] = _is(rows, "customer_nw_category", worth)
    for occupation in OCCUPATIONS:
        features[f"occupation {occupation}"] = _is(rows, "occupation", occupation)
    return features


def _column(rows: list[dict[str, str]], column: str) -> Floats:
    return np.array([float(row[column]) if row[column] else np.nan for row in rows])


def _is(rows: list[dict[str, str]], column: str, value: str) -> Floats:
    return np.array([float(row[column] == value) for row in rows])
