"""The policies that measurements go by, and tests that are not about the score.

As shipped they score customers, which no peer does: every benchmark says by which it goes.

What is compared with others, or with figures of before there was a score, goes by the shipped policies without the
table [churn].
"""

from pathlib import Path

import msgspec

from config.policies import Policies, load_policies, shipped_policies_text


def policies_of(*, scores: bool) -> Policies:
    """The shipped policies, or the same without the score."""
    shipped = load_policies()
    return shipped if scores else msgspec.structs.replace(shipped, churn=None)


def unscored_policies_file(directory: Path) -> Path:
    """A policy file for a worker that does not score; it means what `policies_of(scores=False)` says."""
    path = directory / "unscored.toml"
    lines, is_kept = [], True
    for line in shipped_policies_text().splitlines():
        if line.startswith("["):
            is_kept = not line.startswith(("[churn]", "[churn."))
        if is_kept:
            lines.append(line)
    path.write_text("\n".join(lines) + "\n")
    assert load_policies(path) == policies_of(scores=False)
    return path
