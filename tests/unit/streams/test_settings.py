"""Settings: secrets by value or by file, and never shown."""

from pathlib import Path

import pytest

from config.settings import Settings, SettingsError

SECRET = "CANARY-SECRET-0123456789"
NAME = "EBBWATCH_PSEUDONYM_KEY"


def test_without_anything_set() -> None:
    """No key, and the ordinary level of logs."""
    settings = Settings({})

    assert settings.pseudonym_key is None
    assert settings.log_level == "INFO"


def test_an_empty_value_is_none() -> None:
    """A variable that is set to nothing says nothing."""
    assert Settings({NAME: "", f"{NAME}_FILE": ""}).pseudonym_key is None


def test_a_secret_comes_by_value_or_by_file(tmp_path: Path) -> None:
    """Both forms give the same bytes; white space around a file's content is not part of it."""
    path = tmp_path / "key"
    path.write_text(f"{SECRET}\n")

    assert (
        Settings({NAME: SECRET}).pseudonym_key == Settings({f"{NAME}_FILE": str(path)}).pseudonym_key == SECRET.encode()
    )


def test_both_forms_at_once_are_refused(tmp_path: Path) -> None:
    """Which of the two counts is not guessed, and neither is shown."""
    with pytest.raises(SettingsError, match=f"{NAME}: expected either {NAME} or {NAME}_FILE, found both") as error:
        Settings({NAME: SECRET, f"{NAME}_FILE": str(tmp_path / SECRET)})
    assert SECRET not in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """The setting is named, its value is not."""
    for path in (tmp_path / SECRET, tmp_path):
        with pytest.raises(SettingsError, match=f"{NAME}_FILE: cannot be read") as error:
            Settings({f"{NAME}_FILE": str(path)})
        assert str(path) not in str(error.value)


def test_secrets_are_not_shown() -> None:
    """Neither the text nor the representation of settings holds a secret."""
    settings = Settings({NAME: SECRET})

    assert SECRET not in f"{settings} {settings!r}"


def test_levels_of_logs() -> None:
    """Any case will do; what is no level is refused with the levels there are."""
    assert Settings({"EBBWATCH_LOG_LEVEL": "debug"}).log_level == "DEBUG"
    with pytest.raises(SettingsError, match="expected one of DEBUG, INFO, WARNING, ERROR") as error:
        Settings({"EBBWATCH_LOG_LEVEL": "CANARY"})
    assert "CANARY" not in str(error.value)


def test_the_process_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless told otherwise, settings come from the environment."""
    monkeypatch.setenv(NAME, SECRET)

    assert Settings().pseudonym_key == SECRET.encode()
