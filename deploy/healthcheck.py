"""Asks the worker in this container how it is: `healthcheck.py [/healthz | /readyz]`; exit code 0 means well, 1 not.

HEALTHCHECK asks /healthz, not /readyz: a worker that waits for Kafka or Redis is not made well by being replaced.
"""

import sys
from urllib.error import HTTPError
from urllib.request import urlopen

from config.settings import Settings

_TIMEOUT_S = 4.0


def main(page: str = "/healthz") -> int:
    """Print what `page` says; its address comes from the same settings as the worker's."""
    settings = Settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.web_host, settings.web_host)  # noqa: S104 - compared
    try:
        with urlopen(f"http://{host}:{settings.web_port}{page}", timeout=_TIMEOUT_S) as answer:
            print(answer.read().decode().strip())
            return 0
    except HTTPError as refusal:
        with refusal:
            print(refusal.read().decode().strip())
    except OSError as error:
        print(f"{page} does not answer: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
