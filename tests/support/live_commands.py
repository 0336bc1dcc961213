"""Commands of the live service, run in this process against a broker under test."""

from click.testing import CliRunner, Result

from agents.cli import main
from tests.support.kafka_server import KafkaServer


def invoke(
    kafka: KafkaServer,
    *arguments: object,
    code: int = 0,
    stdin: str | None = None,
    settings: dict[str, str] | None = None,
) -> Result:
    """Run a command with `settings` in its environment; whatever its exit status, it never ends in a traceback."""
    words = [str(argument) for argument in arguments]
    environment = {"EBBWATCH_KAFKA_BROKERS": kafka.bootstrap, **(settings or {})}
    result = CliRunner().invoke(main, words, input=stdin, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result
