"""Opens the store that the settings name."""

from pathlib import Path

from config.settings import StoreSettings
from streams.stores.base import Store
from streams.stores.redis import open_redis_store
from streams.stores.sqlite import SqliteStore


def open_store(settings: StoreSettings) -> Store:
    """The store at `settings`; one on SQLite serves one worker, one on Redis many."""
    if settings.scheme == "sqlite":
        return SqliteStore(Path(settings.address))
    return open_redis_store(settings)
