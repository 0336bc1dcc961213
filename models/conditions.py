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
    return all(test.holds(said) for test in tests)


class Steps:
    """Conditions of which any will do, by step."""

    __slots__ = ("_by_step", "names")

    def __init__(self, conditions: Conditions) -> None:
        """Compile `conditions`."""
        by_step: dict[str, list[tuple[Asked, ...]]] = {}
        for condition in conditions:
            if isinstance(condition, Condition):
                by_step.setdefault(condition.step, []).append(asked(condition.where))
            else:
                by_step.setdefault(condition, []).append(())
        self._by_step = {step: tuple(tests) for step, tests in by_step.items()}
        self.names = frozenset(by_step)

    def match(self, step: str, said: Said) -> bool:
        """Whether a step that says this meets one of the conditions."""
        for tests in self._by_step.get(step, ()):
            if hold(tests, said):
                return True
        return any(hold(tests, said) for tests in self._by_step.get(ANY, ()))

    def __bool__(self) -> bool:
        return bool(self._by_step)
