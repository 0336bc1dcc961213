"""`ebbwatch config show`: what is set, and never a secret."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agents.cli import main
from config.settings import SETTINGS

SECRETS = [setting.name for setting in SETTINGS if setting.secret]


def shown(settings: dict[str, str], code: int = 0) -> str:
    result: Result = CliRunner().invoke(main, ["config", "show"], env=settings)
    assert result.exit_code == code, result.output
    return result.output


def test_every_setting_is_shown() -> None:
    """The list is whole, with values that were given and defaults elsewhere."""
    lines = {words[0]: words[1:] for words in map(str.split, shown({"EBBWATCH_GROUP": "night"}).splitlines())}
    assert set(lines) == {"setting", *(setting.name for setting in SETTINGS)}
    assert lines["EBBWATCH_GROUP"][0] == "night"
    assert lines["EBBWATCH_WEB_PORT"][0] == "9465"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_not_shown(name: str, tmp_path: Path) -> None:
    """Of a secret it says whether it is set, from the environment or from a file."""
    secret = "the-secret-of-this-test"
    file = tmp_path / "secret"
    file.write_text(secret)
    for settings in ({name: secret}, {f"{name}_FILE": str(file)}):
        output = shown(settings)
        (line,) = [line for line in output.splitlines() if line.startswith(f"{name} ")]
        assert line.split()[1:4] == ["set,", "not", "shown"]
        assert secret not in output


def test_a_misspelt_setting_is_called_out() -> None:
    """A variable that begins like ours and is none is most likely a mistake; its value may be a secret."""
    output = shown({"EBBWATCH_KAFKA_PASWORD": "the-secret-of-this-test"})
    assert "warning: no setting is called EBBWATCH_KAFKA_PASWORD: misspelt?" in output
    assert "the-secret-of-this-test" not in output


def test_a_wrong_value_is_named() -> None:
    """What cannot be used is said by its setting, without its value."""
    output = shown({"EBBWATCH_WEB_PORT": "the-secret-of-this-test"}, code=1)
    assert output == "Error: EBBWATCH_WEB_PORT: expected a whole number from 1 to 65535\n"
