import gzip
from pathlib import Path

from click.testing import CliRunner

from agents.commands.recorded import import_recorded
from tests.unit.recorded import test_berka, test_calls1999, test_cfpb2015, test_cmb2020


def test_every_set_has_a_command(tmp_path: Path) -> None:
    """Each import writes its feed and says on stderr what became of the rows."""
    test_cmb2020.write_set(tmp_path, ["C1,B,A,01,0103,2019-05-07 12:30:05,-5", "C1,B,A,01,0103,x,-5"])
    test_calls1999.write_calls(tmp_path, {}, {"customer_id": "0"})
    test_berka.read(tmp_path)
    test_cfpb2015.write_complaints(tmp_path, {}, {"Date received": "2015-01-09"})
    for name, events, left_out in (
        ("cmb2020", 1, "1  cmb2020_transactions.csv: time_unreadable"),
        ("calls1999", 1, "1  bank_calls_1999_02.tsv: customer_unidentified"),
        ("berka", 3, "rows left out: 0"),
        ("cfpb2015", 2, "1  cfpb_complaints_2015.csv: date_received_unreadable"),
    ):
        output = tmp_path / f"{name}.ndjson.gz"
        result = CliRunner().invoke(import_recorded, [name, str(tmp_path), "-o", str(output)])

        assert result.exit_code == 0, result.output
        assert result.stdout == ""
        assert left_out in result.stderr
        assert f"events: {events}" in result.stderr
        assert gzip.decompress(output.read_bytes()).count(b"\n") == events


def test_a_dash_keeps_the_summary_out_of_the_feed(tmp_path: Path) -> None:
    """Standard output carries events and nothing else."""
    test_calls1999.write_calls(tmp_path, {})
    result = CliRunner().invoke(import_recorded, ["calls1999", str(tmp_path), "-o", "-"])

    assert result.stdout.count("\n") == 1
    assert "rows read: 1" in result.stderr


def test_a_missing_file_is_a_plain_error(tmp_path: Path) -> None:
    """What is missing is said in a line, without a traceback, and no output appears."""
    output = tmp_path / "feed.ndjson"
    result = CliRunner().invoke(import_recorded, ["berka", str(tmp_path), "-o", str(output)])

    assert result.exit_code == 1
    assert "holds neither berka_disp.csv.gz nor berka_disp.csv" in result.stderr
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_a_plain_error(tmp_path: Path) -> None:
    """The path that failed is named."""
    test_calls1999.write_calls(tmp_path, {})
    output = tmp_path / "missing" / "feed.ndjson"
    result = CliRunner().invoke(import_recorded, ["calls1999", str(tmp_path), "-o", str(output)])

    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
