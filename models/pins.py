"""The complaint policies that open cases began with: kept as long as a case needs them, whatever is in force by now."""

from models.complaint_rules import (
    ComplaintRules,
    PinnedPolicies,
    pinned_document,
    pinned_from_document,
    pinned_policies,
)
from models.rules import Rules


class UnknownPolicies(LookupError):
    """A case pins policies that the shard does not know: it is from a later state of the shard than this one."""


class Pins:
    """Complaint rules by digest.

    `counts` is how many cases pin each version, `documents` the former versions among them; both belong to the state of
    the shard, and `changed` says whether `documents` has since it was last set to False.
    """

    def __init__(self, rules: Rules, counts: dict[str, int], documents: dict[str, dict[str, object]]) -> None:
        """Begin with `rules` in force."""
        self._counts = counts
        self._documents = documents
        self._former: dict[str, ComplaintRules] = {}
        self.changed = False
        self._take_over(rules)

    def activate(self, rules: Rules) -> None:
        """Let `rules` be in force: new cases begin with them, the others keep what they have."""
        if self._counts.get(self.current.digest):
            self._documents[self.current.digest] = pinned_document(self._pinned)
            self.changed = True
        self._take_over(rules)
        if self._documents.pop(self.current.digest, None) is not None:
            self.changed = True

    def of(self, digest: str) -> ComplaintRules:
        """The rules of a version that a case pins; raises `UnknownPolicies`."""
        if digest == self.current.digest:
            return self.current
        rules = self._former.get(digest)
        if rules is None:
            if digest not in self._documents:
                raise UnknownPolicies(digest)
            pinned = pinned_from_document(self._documents[digest])
            rules = self._former[digest] = ComplaintRules(pinned, self._pinned.calendars)
        return rules

    @property
    def held(self) -> list[ComplaintRules]:
        """The rules in force, and those of each former version that a case pins."""
        return [self.current, *(self.of(digest) for digest in self._documents)]

    def pin(self) -> str:
        """Note that a case begins; the version that it pins."""
        digest = self.current.digest
        self._counts[digest] = self._counts.get(digest, 0) + 1
        return digest

    def release(self, digest: str) -> None:
        """Note that a case has left; a former version that nobody needs any more is forgotten.

        Raises `UnknownPolicies` for a case that these pins have not seen begin.
        """
        if digest not in self._counts:
            raise UnknownPolicies(digest)
        self._counts[digest] -= 1
        if self._counts[digest] == 0:
            del self._counts[digest]
            if self._documents.pop(digest, None) is not None:
                self._former.pop(digest, None)
                self.changed = True

    def _take_over(self, rules: Rules) -> None:
        self._pinned: PinnedPolicies = pinned_policies(rules.policies)
        self.current = ComplaintRules(self._pinned)
        # The calendars that are current now may know more days than those that former versions were compiled with.
        self._former.clear()
