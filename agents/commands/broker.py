"""What the commands that talk to the brokers share: settings, quiet client libraries, and faults said in a line."""

import functools
import logging
from collections.abc import Callable
from typing import Any

import click
from kafka.errors import KafkaError

from config.settings import Settings, SettingsError
from streams.kafka_connection import BrokerError
from streams.topics import TopicsRefused


def broker_command(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the `settings`, and turn what can go wrong with the brokers into one clear message."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> Any:
        loggers = [logging.getLogger(name) for name in ("kafka", "aiokafka")]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)  # what goes wrong is said once, by us; they say it at each attempt
        try:
            return command(*arguments, settings=Settings(), **options)
        except (BrokerError, SettingsError, TopicsRefused) as error:
            raise click.ClickException(str(error)) from None
        except KafkaError as error:
            raise click.ClickException(f"the brokers answer with {type(error).__name__}") from None
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)

    return guarded
