"""Complaint policies in words: conditions, targets and warnings as an operator would say them."""

from config.complaint_policies import (
    ClockPolicy,
    Condition,
    ConditionLike,
    Conditions,
    Extension,
    SelectionTests,
    Tests,
    Warn,
)

_ONE = {
    "seconds": "second",
    "minutes": "minute",
    "hours": "hour",
    "days": "day of 24 hours",
    "weeks": "week",
    "calendar_days": "calendar day",
    "business_minutes": "business minute",
    "business_hours": "business hour",
    "working_days": "working day",
}
_MANY = {**{unit: f"{one}s" for unit, one in _ONE.items()}, "days": "days of 24 hours"}


def amount_words(amount: float, unit: str) -> str:
    """``3 working days``, ``1 hour``."""
    return f"{amount:g} {_ONE[unit] if amount == 1 else _MANY[unit]}"


def tests_words(tests: Tests | SelectionTests) -> str:
    """``region uk or gb, business payments``; the empty string for no tests."""
    return ", ".join(f"{field} {' or '.join(map(_value_words, values))}" for field, values in tests.items())


def condition_words(condition: ConditionLike) -> str:
    """``called_back (satisfied no)``."""
    if not isinstance(condition, Condition):
        return _step_words(condition)
    where = tests_words(condition.where)
    return f"{_step_words(condition.step)} ({where})" if where else _step_words(condition.step)


def conditions_words(conditions: Conditions, join: str = "or") -> str:
    """Conditions of which any will do; ``-`` for none."""
    return f" {join} ".join(condition_words(condition) for condition in conditions) or "-"


def target_words(clock: ClockPolicy) -> str:
    """The target, the ones that depend on the case, and what extensions make of them."""
    words = [amount_words(clock.target, clock.unit)]
    for one in clock.targets:
        when = tests_words(one.when)
        words.append(f"{when}: {amount_words(one.target, clock.unit)}")
    return "; ".join([*words, *(extension_words(extension, clock.unit) for extension in clock.extensions)])


def extension_words(extension: Extension, unit: str) -> str:
    """``complex: to 30 calendar days``."""
    if extension.to is not None:
        return f"{extension.name}: to {amount_words(extension.to, unit)}"
    return f"{extension.name}: {amount_words(extension.by or 0, unit)} more"


def counting_words(clock: ClockPolicy) -> str:
    """By which calendar, from when and to when a clock counts; ``-`` where it just does."""
    words = [clock.calendar] if clock.calendar else []
    if clock.counting != "moment":
        words.append(f"from the {'next' if clock.counting == 'next_day' else 'same'} day")
    if clock.ends == "day":
        words.append("to a day's end")
    return " ".join(words) or "-"


def pauses_words(clock: ClockPolicy) -> str:
    """What holds a clock or sets it back; ``-`` for nothing."""
    words = []
    if clock.pause:
        words.append(f"{conditions_words(clock.pause)} until {conditions_words(clock.resume)}")
    if clock.reset:
        words.append(f"begins again at {conditions_words(clock.reset)}")
    return "; ".join(words) or "-"


def warnings_words(clock: ClockPolicy) -> str:
    """When a clock warns; ``-`` for never."""
    return "; ".join(_warning_words(warn, clock.unit) for warn in clock.warnings) or "-"


def _warning_words(warn: Warn, unit: str) -> str:
    if warn.percent is not None:
        return f"at {warn.percent:g} %"
    return f"{amount_words(warn.remaining or 0, unit)} before"


def _step_words(step: str) -> str:
    return "any step" if step == "*" else step


def _value_words(value: str) -> str:
    return {"*": "stated", "-": "not stated"}.get(value, value)
