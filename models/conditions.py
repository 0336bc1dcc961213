"""Conditions over the steps and fields of a case, as policies state them, ready to be asked."""

from collections.abc import Mapping

from msgspec import Struct

from config.complaint_policies import CaseField, Condition, Conditions, SelectionField
from models.case_state import Said

ANY = "*"
NONE = "-"


class Asked(Struct, frozen=True):
    """One field and the values that will do; ``*`` for any that is stated, ``-`` for none stated."""

    name: str
    values: frozenset[str]

    def holds(self, said: Said) -> bool:
        """Whether `said` has one of the values."""
        value = said.get(self.name)
        if value is None:
            return NONE in self.values
        if ANY in self.values:
            return True
        if isinstance(value, str):
            return value in self.values
        return not self.values.isdisjoint(value)


def asked(
    tests: Mapping[CaseField, tuple[str, ...]] | Mapping[SelectionField, tuple[str, ...]],
) -> tuple[Asked, ...]:
    """The tests of a policy, compiled; all of them must hold."""
    return tuple(Asked(name, frozenset(values)) for name, values in tests.items())


def hold(tests: tuple[Asked, ...], said: Said) -> bool:
    """Whether all of `tests` hold."""
    for test in tests:  # a plain loop: there is seldom more than one
        if not test.holds(said):
            break
    else:
        return True
    return False


class Steps:
    """Conditions of which any will do, by step; `names` are the steps that they name, `every` is whether ``*`` is one.

    Most steps of a case meet none of them, so whoever has many to try looks at `names` and `every` first.
    """

    __slots__ = ("_any", "_bare", "_by_step", "every", "names")

    def __init__(self, conditions: Conditions) -> None:
        """Compile `conditions`."""
        by_step: dict[str, list[tuple[Asked, ...]]] = {}
        for condition in conditions:
            if isinstance(condition, Condition):
                by_step.setdefault(condition.step, []).append(asked(condition.where))
            else:
                by_step.setdefault(condition, []).append(())
        self._any = tuple(by_step.get(ANY, ()))
        self._by_step = {step: (*tests, *self._any) for step, tests in by_step.items()}
        self._bare = frozenset(step for step, tests in by_step.items() if () in tests)
        self.names = frozenset(by_step)
        self.every = ANY in by_step

    def match(self, step: str, said: Said) -> bool:
        """Whether a step that says this meets one of the conditions."""
        if step in self._bare:
            return True
        for tests in self._by_step.get(step, self._any):
            if hold(tests, said):
                break
        else:
            return False
        return True

    def may_match(self, steps: frozenset[str]) -> bool:
        """Whether any of `steps` could meet one of the conditions, whatever it says."""
        return self.every or not self.names.isdisjoint(steps)

    def __bool__(self) -> bool:
        return bool(self._by_step)
