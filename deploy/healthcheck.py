"""Asks the worker in this container whether it turns; exit code 0 or 1, as HEALTHCHECK wants it.

It asks /healthz, not /readyz: a worker that waits for Kafka or Redis is not made well by being replaced.
"""

import sys
from urllib.request import urlopen

from config.settings import Settings

_TIMEOUT_S = 4.0


def main() -> int:
    """Read the address from the same settings as the worker."""
    settings = Settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.web_host, settings.web_host)  # noqa: S104 - compared
    try:
        with urlopen(f"http://{host}:{settings.web_port}/healthz", timeout=_TIMEOUT_S) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(f"/healthz does not answer: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
