"""``ebbwatch simulate`` writes the feed, the truth and a summary."""

from pathlib import Path

import msgspec
from click.testing import CliRunner

from agents.commands.simulate import simulate as command
from models.events import Event
from streams.simulator import SimulationParameters, Truth, simulate

ARGUMENTS = ["--customers", "12", "--days", "30", "--seed", "3"]


def test_feed_and_truth(tmp_path: Path) -> None:
    """The files hold what the API gives; the summary goes to standard error."""
    feed, truth = tmp_path / "events.ndjson", tmp_path / "truth.json"
    result = CliRunner().invoke(command, [*ARGUMENTS, "-o", str(feed), "--truth", str(truth)])
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "transaction" in result.stderr
    with simulate(SimulationParameters(customers=12, days=30, seed=3)) as expected:
        assert msgspec.json.Decoder(Event).decode_lines(feed.read_bytes()) == list(expected.events())
        assert msgspec.json.decode(truth.read_bytes(), type=Truth) == expected.truth


def test_gzipped_feed_repeats(tmp_path: Path) -> None:
    """Two gzipped feeds of the same parameters are the same bytes."""
    paths = [tmp_path / "one.ndjson.gz", tmp_path / "two.ndjson.gz"]
    for path in paths:
        assert CliRunner().invoke(command, [*ARGUMENTS, "-o", str(path)]).exit_code == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_standard_output() -> None:
    """Without a file the events go to standard output, and nothing else does."""
    result = CliRunner().invoke(command, ARGUMENTS)
    assert result.exit_code == 0
    assert len(msgspec.json.Decoder(Event).decode_lines(result.stdout_bytes)) > 100


def test_start_and_drift_reach_the_truth(tmp_path: Path) -> None:
    """The options are the parameters of the simulation."""
    truth = tmp_path / "truth.json"
    options = ["--start", "2025-06-30", "--drift-day", "9", "--attrition-rate", "0.5", "--truth", str(truth)]
    assert CliRunner().invoke(command, [*ARGUMENTS, "-o", str(tmp_path / "f"), *options]).exit_code == 0
    parameters = msgspec.json.decode(truth.read_bytes(), type=Truth).parameters
    assert (parameters.start.isoformat(), parameters.drift_day, parameters.attrition_rate) == ("2025-06-30", 9, 0.5)


def test_contradicting_shares_are_a_usage_error(tmp_path: Path) -> None:
    """Options that contradict each other are refused in one line."""
    result = CliRunner().invoke(command, ["--core-share", "0.9", "--potential-share", "0.2", "-o", str(tmp_path / "f")])
    assert result.exit_code == 2
    assert "potential_share" in result.stderr


def test_unwritable_output_is_one_line(tmp_path: Path) -> None:
    """A path that cannot be written is reported without a traceback."""
    result = CliRunner().invoke(command, [*ARGUMENTS, "-o", str(tmp_path / "missing" / "f.ndjson")])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
