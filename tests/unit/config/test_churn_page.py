"""docs/churn.md says what is true: its numbers are those shipped, its records can be read, its commands exist."""

import json
import re
from math import exp
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.policies import load_policies
from models import attrition
from models.churn_records import BANDS, OUTCOMES, Observed, ScoreTold, Settled
from models.feature_list import STANDARD_SET
from models.promotion import GOOD_ECE, LEAST_EXAMPLES, MARGIN
from streams.names import LEARNER_FILE, LEDGER_FILE, STATE_FILE
from tests.deploy.commands import accept
from tests.support.command_line import ROOT

PAGE = (ROOT / "docs" / "churn.md").read_text("utf-8")
RECORDS = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)


def numbers(table: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Every number of the table, by its dotted key; sentences are not numbers."""
    found: dict[str, float] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= numbers(value, f"{prefix}{key}.")
        elif not isinstance(value, str):
            found[prefix + key] = float(value)
    return found


def test_every_number_is_in_the_table_as_shipped() -> None:
    """A new key cannot be forgotten, nor a changed number."""
    shown = {key: float(value) for key, value in re.findall(r"^\| `([a-z_.]+)` \| ([0-9.]+) \|", PAGE, re.MULTILINE)}
    churn = load_policies().churn
    assert churn is not None
    assert shown == numbers(msgspec.to_builtins(churn))
    assert f"({churn.alert.resolve_ratio * churn.bands.high:g} as shipped)" in PAGE


def test_the_records_are_what_is_told() -> None:
    """They decode strictly, and the one of a score adds up as the page says."""
    score, observed, settled = (
        msgspec.json.decode(record, type=kind)
        for record, kind in zip(RECORDS, (ScoreTold, Observed, Settled), strict=True)
    )
    assert isinstance(score, ScoreTold)
    total = score.intercept + sum(reason.contribution for reason in score.reasons)
    assert total == pytest.approx(score.logit, abs=1e-3)
    assert 1 / (1 + exp(-score.logit)) == pytest.approx(score.score, abs=1e-3)
    assert list(json.loads(RECORDS[1])) == list(Observed.__struct_fields__)
    assert list(json.loads(RECORDS[2])) == list(Settled.__struct_fields__)
    assert observed.observation_id == settled.observation_id
    assert f"({len(STANDARD_SET.features)} of them;" in PAGE


def test_fields_and_words_are_complete() -> None:
    """Every field of a score, every band, outcome and way to be gone."""
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(ScoreTold.__struct_fields__)
    ways = {attrition.CLOSED, attrition.CLOSED_BY_BANK, attrition.BALANCE, attrition.SILENCE}
    gone = PAGE.split("## Who is gone", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \|[^|]*\|$", gone, re.MULTILINE)) - {"by"} == ways
    assert all(f"`{word}`" in PAGE for word in (*BANDS, *OUTCOMES))


def test_the_gate_is_the_one_described() -> None:
    """Its three numbers."""
    assert f"over {LEAST_EXAMPLES:,} examples or more" in PAGE
    assert len(re.findall(rf"(?:lower by|higher by)\s+{MARGIN * 100:g} %", PAGE)) == 2
    assert f"ECE at most {GOOD_ECE:g}" in PAGE


def test_the_commands_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of ours is understood, where there is a data directory of that name."""
    monkeypatch.chdir(tmp_path)
    Path("DIR").mkdir()
    for name in (LEDGER_FILE, STATE_FILE, LEARNER_FILE):
        (Path("DIR") / name).touch()
    lines = re.findall(r"^\$ ebbwatch (.*?)(?: +#.*)?$", PAGE, re.MULTILINE)
    assert len(lines) >= 9
    for line in lines:
        accept(line.split())
