"""What is valid and yet most likely a mistake is said, once, and nothing is said of what is meant."""

from pathlib import Path

import pytest

from agents.policy_lints import EXTENSIONS, IMPORTED_STEPS, policy_lints
from config.policies import Policies, document_from_toml, load_policies, policies_from_document
from models.complaint_rules import ComplaintRules, pinned_policies
from streams.recorded.cfpb2015 import FORWARDED
from tests.support.policy_files import POLICIES, good_files, remarks, whole_text


def loaded(path: Path) -> Policies:
    return policies_from_document(document_from_toml(whole_text(path)))


def test_nothing_is_odd_about_what_is_shipped() -> None:
    """The shipped policies are an example to follow."""
    assert policy_lints(load_policies()) == []


@pytest.mark.parametrize("path", good_files(), ids=lambda path: path.stem)
def test_each_file_gets_the_warnings_it_names(path: Path) -> None:
    """No warning is missing and none is made up, in whatever order."""
    assert sorted(policy_lints(loaded(path))) == sorted(remarks(path, "warns"))


@pytest.mark.parametrize("path", good_files(), ids=lambda path: path.stem)
def test_what_is_accepted_can_be_run(path: Path) -> None:
    """No policy is found to be impossible only when the first case comes."""
    rules = ComplaintRules(pinned_policies(loaded(path)))
    received_ms = 1_790_000_000_000  # autumn of 2026, when every version is in force
    given = rules.profiles({"region": "uk"}, "basic", received_ms)
    assert bool(given) == bool(loaded(path).complaints.profiles)
    assert all(clock.base_target({}) > 0 for profile in given for clock in profile.clocks)


def test_own_words_can_be_made_known() -> None:
    """Who says which steps and extensions there are hears of the others only."""
    helpdesk = loaded(POLICIES / "good" / "helpdesk.toml")
    own = frozenset({"assigned", "waiting_for_user", "user_replied", "user_rejected"})
    (left,) = policy_lints(helpdesk, own)
    assert "'resolved'" in left
    assert policy_lints(helpdesk, own | {"resolved"}) == []
    odd = loaded(POLICIES / "good" / "valid-but-odd.toml")
    said = set(policy_lints(odd)) - set(policy_lints(odd, own_extensions=frozenset({"kindness"})))
    assert len(said) == 1
    assert "does anybody grant it?" in said.pop()


def test_the_known_words_are_the_shipped_ones() -> None:
    """Steps and extensions that are called known are those that importers write and statutes grant."""
    assert {FORWARDED} == IMPORTED_STEPS
    profiles = load_policies().complaints.profiles
    granted = {extension.name for one in profiles for clock in one.clocks for extension in clock.extensions}
    assert granted | {"in_progress"} == EXTENSIONS


@pytest.mark.parametrize(
    ("earlier", "later", "reached"),
    [
        ("{}", '{ region = ["uk"] }', False),
        ('{ region = ["uk"] }', "{}", True),
        ('{ region = ["uk", "eu"] }', '{ region = ["eu"], priority = ["high"] }', False),
        ('{ region = ["uk"] }', '{ region = ["eu"] }', True),
        ('{ region = ["uk"], tier = ["core"] }', '{ region = ["uk"] }', True),
        ('{ region = ["*"] }', '{ region = ["eu"] }', False),
        ('{ region = ["*"] }', '{ region = ["-"] }', True),
        ('{ region = ["*", "-"] }', '{ tier = ["core"] }', False),
        ('{ region = ["*"] }', '{ tier = ["core"] }', True),
        ('{ region = ["uk"] }', '{ region = ["*"] }', True),
    ],
)
def test_an_entry_that_is_never_reached(earlier: str, later: str, reached: bool) -> None:
    """An entry is called unreachable exactly when each of its cases is taken by an earlier one."""
    smallest = whole_text(POLICIES / "good" / "smallest.toml")
    entries = "".join(f'[[complaints.selection]]\nwhen = {when}\nprofiles = ["house"]\n' for when in (earlier, later))
    text = smallest.replace('[[complaints.selection]]\nprofiles = ["house"]\n', entries)
    assert text != smallest
    lints = policy_lints(policies_from_document(document_from_toml(text)))
    assert ("selection[1]: never reached, entry 0 takes all of its cases" in lints) is not reached
