"""What the peers' workers import is installed for them, in the version that we use ourselves."""

import re
import subprocess
import sys
import tomllib

from tests.support.command_line import ROOT

IMPORTED = """
import sys
before = set(sys.modules)
from benchmarks.peers.full_work import FullWork
from benchmarks.peers.reduced_work import ReducedWork
FullWork(), ReducedWork()
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""


def pinned(path: str) -> dict[str, str]:
    """Versions by name, of lines such as `numpy==2.4.6`."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / path).read_text(), re.MULTILINE))


def test_a_peer_finds_what_it_imports() -> None:
    """The work that peers do is that of our own modules, so what those need, a peer's environment needs as well."""
    printed = subprocess.run([sys.executable, "-c", IMPORTED], cwd=ROOT, capture_output=True, text=True, check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct = {re.split(r"[^a-z0-9-]", line)[0] for line in project["dependencies"]}
    needed = set(printed.stdout.split()) & direct
    assert {"holidays", "msgspec", "numpy"} <= needed
    assert needed <= set(pinned("benchmarks/peers/requirements.txt"))


def test_both_run_the_same_versions() -> None:
    """Of what both have: a faster Faust or NumPy on one side would be no fair comparison."""
    ours, theirs = pinned("constraints.txt"), pinned("benchmarks/peers/requirements.txt")
    shared = set(ours) & set(theirs)
    assert {"faust-streaming", "aiokafka", "msgspec", "numpy"} <= shared
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
