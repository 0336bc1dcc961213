"""`ebbwatch sla explain`: what happened to each clock and why, in words, as bars, and as a picture."""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from click.testing import CliRunner, Result

from agents.cli import main
from tests.support.policy_files import POLICIES
from tests.support.sla_cases import OPENED, STEPS, policy_file, step_line, the_case, written

HELPDESK = POLICIES / "good" / "helpdesk.toml"
LOG = POLICIES.parent / "helpdesk.ndjson"


def explain(*arguments: str | Path, code: int = 0, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["sla", "explain", *map(str, arguments)], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    return result


def told(text: str, name: str) -> list[tuple[str, str, str]]:
    """Time, words and rule of each beat of one clock."""
    part = text.split(f"\n{name}: ", 1)[1].split("\n\n", 1)[0]
    beats = []
    for line in part.splitlines()[2:]:
        match = re.fullmatch(r"  \w{3} (\S+ \S+)  (.*?)(?:\s+\[(.*)\])?\s*", line)
        assert match is not None, line
        beats.append((match[1], match[2], match[3] or ""))
    return beats


def test_each_beat_says_what_happened_and_which_rule_said_so(tmp_path: Path) -> None:
    """Paused, made urgent, extended, warned and late: every change with its time, its figures and its source."""
    text = explain("--case", the_case(tmp_path), "--policies", policy_file(tmp_path)).stdout
    assert told(text, "desk / answer") == [
        (
            "2026-03-02 09:00",
            "started by received: 16 business hours allowed, due Tue 2026-03-03 17:00",
            "start: received or reopened; target: 16 business hours",
        ),
        ("2026-03-02 13:00", "paused by paused: 4 of 16 business hours used", "pause: paused"),
        (
            "2026-03-03 11:00",
            "resumed by resumed: 4 of 16 business hours used, due Wed 2026-03-04 15:00",
            "resume: resumed",
        ),
        (
            "2026-03-03 13:00",
            "limit changed by reclassified: 16 business hours -> 8 business hours, 6 of 8 business hours used,"
            " due Tue 2026-03-03 15:00",
            "targets: priority high: 8 business hours",
        ),
        (
            "2026-03-03 13:00",
            "warned: 6 of 8 business hours used, due Tue 2026-03-03 15:00",
            "warnings: at 75 %",
        ),
        (
            "2026-03-03 14:00",
            "extension complex granted: 8 business hours -> 24 business hours, due Thu 2026-03-05 15:00",
            "extensions: complex: to 24 business hours (test: section 7)",
        ),
        (
            "2026-03-05 09:00",
            "warned: 18 of 24 business hours used, due Thu 2026-03-05 15:00",
            "warnings: at 75 %",
        ),
        ("2026-03-05 15:00", "broke: 24 of 24 business hours used, and no closed", "target: 24 business hours"),
        (
            "2026-03-05 16:00",
            "late: ended by closed, 1 h after the deadline, 25 of 24 business hours used",
            "stop: closed",
        ),
    ]
    assert "desk / answer: Answered (答复): late" in text
    assert "source: test: two working days" in text


def test_a_reopened_case_has_a_clock_of_its_own(tmp_path: Path) -> None:
    """The second cycle begins with nothing used, by the priority that is known, and without the extension."""
    options = ("--policies", policy_file(tmp_path), "--at", "2026-03-10T12:00")
    text = explain("--case", the_case(tmp_path), *options).stdout
    beats = told(text, "desk / answer (cycle 1)")
    assert [(at, words) for at, words, _ in beats] == [
        ("2026-03-06 10:00", "started by reopened: 8 business hours allowed, due Mon 2026-03-09 10:00"),
        ("2026-03-06 16:00", "warned: 6 of 8 business hours used, due Mon 2026-03-09 10:00"),
        ("2026-03-09 09:30", "met by closed: 7.5 of 8 business hours used"),
    ]
    assert beats[0][2].endswith("targets: priority high: 8 business hours")
    rows = [line.split() for line in text.splitlines() if line.startswith("desk / unanswered")]
    assert [(row[3], row[7]) for row in rows] == [("0", "missing"), ("1", "missing")]


def test_at_a_time_nothing_later_is_known(tmp_path: Path) -> None:
    """As of a time the clock still runs, and how far it is says the last line; later steps are counted, not used."""
    found = explain("--case", the_case(tmp_path), "--policies", policy_file(tmp_path), "--at", "2026-03-04T12:00+01:00")
    assert told(found.stdout, "desk / answer")[-1] == (
        "2026-03-04 12:00",
        "running, 13 of 24 business hours used, due Thu 2026-03-05 15:00",
        "",
    )
    assert "3 steps after that time are left out" in found.stderr
    assert "cycle 1" not in found.stdout
    breached = explain(
        "--case", written(tmp_path / "open.ndjson", [step_line(*STEPS[0])]), "--policies", policy_file(tmp_path),
        "--at", "2026-03-04T12:00+01:00",
    )  # fmt: skip
    assert told(breached.stdout, "desk / answer")[-1][1] == (
        "breached, 19 of 16 business hours used, due Tue 2026-03-03 17:00, 19 h ago"
    )


def test_the_steps_say_what_is_odd_about_them(tmp_path: Path) -> None:
    """A step nobody knows, a second receipt, news that came late, and a receipt nobody heard of."""
    lines = [
        step_line("2026-03-02T09:00", "received", OPENED),
        step_line("2026-03-03T09:00", "responded", {}),
        step_line("2026-03-02T10:00", "investigated", {}),
        step_line("2026-03-03T10:00", "pondered", {}),
        step_line("2026-03-03T11:00", "received", OPENED),
        step_line("2026-03-03T09:30", "closed", {}, case_id="K-2"),
    ]
    text = explain("--case", written(tmp_path / "odd.ndjson", lines)).stdout
    odd = {line.split()[3]: line for line in text.splitlines() if re.match(r"\w{3} 2026-", line)}
    assert odd["investigated"].rstrip().endswith("heard after later steps")
    assert odd["pondered"].rstrip().endswith("unknown: no policy gives it a meaning")
    assert odd["received"].rstrip().endswith("inferred: no receipt was heard of")  # of K-2, which comes last
    assert re.search(r"03-03 \d\d:00  received .*contradictory", text)
    assert text.count("Case K-") == 2


def test_bars_show_the_same(tmp_path: Path) -> None:
    """A clock is one bar: run, paused, outside working hours, overdue and ahead; its marks are where they belong."""
    steps = [("2026-03-02T09:00", "received", OPENED), ("2026-03-02T11:00", "paused", {})]
    steps += [("2026-03-02T13:00", "resumed", {}), ("2026-03-04T14:00", "closed", {})]
    case = written(tmp_path / "bars.ndjson", [step_line(*step) for step in steps])
    late = explain("--case", case, "--policies", policy_file(tmp_path)).stdout
    assert re.search(r"^desk / answer  >█+░+█+·+█+!█*·+█+\|▓+x$", late, re.MULTILINE), late
    running = explain("--case", case, "--policies", policy_file(tmp_path), "--at", "2026-03-03T10:00+01:00").stdout
    assert re.search(r"^desk / answer  >█+░+█+·+█+─+\|$", running, re.MULTILINE), running
    assert "╵2026-03-02 09:00" in running


def test_whose_profile_is_in_the_file_is_of_that_tier(tmp_path: Path) -> None:
    """What the feed states of the customer counts, else the option does."""
    profile = {
        "type": "profile", "event_id": "p", "customer_id": "c-1", "occurred_at": "2026-01-01T00:00:00Z", "tier": "core",
    }  # fmt: skip
    step = step_line(*STEPS[0])
    with_profile = written(tmp_path / "core.ndjson", [json.dumps(profile), step])
    assert "Case K-1 of c-1, core: open" in explain("--case", with_profile, "--tier", "potential").stdout
    bare = written(tmp_path / "bare.ndjson", [step, step])
    text = explain("--case", bare, "--tier", "potential").stdout
    assert "Case K-1 of c-1, potential: open" in text
    assert "1 steps were told again" in text


def svg_texts(path: Path) -> list[str]:
    """Everything that is written in a picture."""
    return ["".join(node.itertext()) for node in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - our own file


def test_the_picture_is_labelled(tmp_path: Path) -> None:
    """Text stays text: each clock with its verdict, steps, days and a legend; the same case gives the same file."""
    case, policies = the_case(tmp_path, case_id="投诉$1$"), policy_file(tmp_path)
    drawn = [tmp_path / name for name in ("one.svg", "two.svg")]
    for path in drawn:
        assert f"picture: {path}" in explain("--case", case, "--policies", policies, "--picture", path).stdout
    texts = svg_texts(drawn[0])
    for text in (
        "Case 投诉$1$: closed", "desk / answer", "desk / answer (cycle 1)", "late", "25 of 24 business hours", "met",
        "7.5 of 8 business hours", "received +1", "resumed +2", "reopened", "Wed 04 Mar", "2026, time of Europe/Berlin",
        "not working time", "deadline", "overdue", "warning",
    ):  # fmt: skip
        assert text in texts, text
    assert drawn[0].read_bytes() == drawn[1].read_bytes()


def test_a_png_can_be_read_at_1200_pixels(tmp_path: Path) -> None:
    """Of that width, whatever the case; a clock of half a minute beside one of weeks is drawn too."""
    lines = [step_line("2026-03-02T09:00", "received", OPENED), step_line("2026-04-20T09:00", "closed", {})]
    path = tmp_path / "case.png"
    explain("--case", written(tmp_path / "long.ndjson", lines), "--picture", path)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    assert width == 1200
    assert 300 < height < 1200


def test_pictures_cost_nothing_until_one_is_drawn() -> None:
    """Matplotlib takes long to load: no other command does."""
    code = "import sys, agents.cli, streams.sla_picture; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_case_of_many(tmp_path: Path) -> None:
    """Every case of a file is told, or the one that is asked for; a picture shows one."""
    every = explain("--case", LOG, "--policies", HELPDESK).stdout
    assert every.count("Case T-") == 15
    one = explain("--case", LOG, "--policies", HELPDESK, "--only", "T-1005").stdout
    assert one.count("Case T-") == 1
    assert "late: ended by closed, 1 h 30 min after the deadline, 9 of 8 business hours used" in one
    many = explain("--case", LOG, "--policies", HELPDESK, "--picture", tmp_path / "x.svg", code=1)
    assert "a picture shows one case, and the file holds 15: choose with --only" in many.stderr
    assert "no step of that case is in the file" in explain("--case", LOG, "--only", "T-1", code=1).stderr


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    """Mistakes of an operator are named, and a refused line never with what it holds."""
    case = the_case(tmp_path)
    assert "nowhere: no such file" in explain("--case", "nowhere", code=1).stderr
    assert "none.toml: cannot be read" in explain("--case", case, "--policies", "none.toml", code=1).stderr
    assert "'soon' is no time" in explain("--case", case, "--at", "soon", code=2).stderr
    assert "expected a name that ends in .svg or .png" in explain("--case", case, "--picture", "x.gif", code=1).stderr
    missing = tmp_path / "no" / "x.svg"
    assert "x.svg: cannot be written" in explain("--case", case, "--picture", missing, code=1).stderr
    bad = '{"type":"complaint","event_id":"CANARY"}\n' * 7
    found = explain("--case", "-", stdin=bad + step_line(*STEPS[0]))
    assert "-: line 1 is refused: " in found.stderr
    assert "2 more lines are refused" in found.stderr
    assert "CANARY" not in found.output
    assert "no step of any case" in explain("--case", "-", stdin=bad, code=1).stderr
