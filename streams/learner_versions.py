"""The models that a learner has published, which of them is to be announced, and what operators have said about that.

Operators speak while the learner works: what they ask for is a row of its own, which it looks at with every batch.
"""

import sqlite3
import zlib
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from models.learner_state import LearnerState, decode_state, encode_state
from models.promotion import Promotion
from models.scoring_model import ScoringModel, decode_model, encode_model

if TYPE_CHECKING:
    from models.learner import Publication

NEW: Final = "new"
ANNOUNCED: Final = "announced"
PASSED_OVER: Final = "passed_over"
"""A version is new until it, or one after it, is announced."""
_PIN: Final = "pin"
_PROMOTE: Final = "promote"
_IN_FORCE: Final = "in_force"

VERSIONS_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    number INTEGER PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    published_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    document BLOB NOT NULL,
    snapshot BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS promotions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS directives (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
"""


class UnknownVersion(LookupError):
    """There is no such version."""


class VersionRow(Struct, frozen=True):
    """A version without its curves: its number, the example time of its publication, and where announcing stands."""

    number: int
    version: str
    published_ms: int
    state: str
    learner: str
    learnt: int
    until_ms: int
    quality: dict[str, float]


class LearnerVersions:
    """Part of `streams.learner_store.LearnerStore`, whose transactions hold what is written here too."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Read and write `database`."""
        self._database = database

    def add(self, made: "Publication") -> None:
        """A model that has been published, the learner that it is of, and who was promoted for it."""
        snapshot = zlib.compress(encode_state(made.learner), 1)
        row = (made.number, made.model.version, made.at_ms, NEW, encode_model(made.model), snapshot)
        self._database.execute("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?)", row)
        if made.promotion is not None:
            self.promoted(made.promotion)

    def rows(self) -> list[VersionRow]:
        """All versions, the oldest first."""
        found = []
        for number, version, at_ms, state, document in self._database.execute(
            "SELECT number, version, published_ms, state, document FROM versions ORDER BY number"
        ):
            model = decode_model(document)
            found.append(
                VersionRow(
                    number, version, at_ms, state, model.learner, model.learnt, model.until_ms, dict(model.quality)
                )
            )
        return found

    def latest(self) -> str | None:
        """The version that was published last."""
        found = self._database.execute("SELECT version FROM versions ORDER BY number DESC LIMIT 1").fetchone()
        return None if found is None else str(found[0])

    def published_ms(self) -> int:
        """Example time of the latest publication; 0 for none."""
        return int(self._database.execute("SELECT coalesce(max(published_ms), 0) FROM versions").fetchone()[0])

    def model(self, version: str) -> ScoringModel:
        """The document of a version; raises `UnknownVersion`."""
        return decode_model(self._stored(version)[0])

    def snapshot(self, version: str) -> LearnerState:
        """The learner as it was when it published `version`; raises `UnknownVersion`, `SnapshotMismatch`."""
        return decode_state(zlib.decompress(self._stored(version)[1]))

    def _stored(self, version: str) -> tuple[bytes, bytes]:
        question = "SELECT document, snapshot FROM versions WHERE version = ?"
        found: tuple[bytes, bytes] | None = self._database.execute(question, (version,)).fetchone()
        if found is None:
            raise UnknownVersion(version)
        return found

    # --- announcing ------------------------------------------------------------------------------

    def unannounced(self) -> list[ScoringModel]:
        """What scoring should hear of, the oldest first: of a pinned version alone, while one is pinned."""
        in_force, pinned = self.in_force(), self.pinned()
        if pinned is not None:
            return [] if in_force == pinned else [self.model(pinned)]
        question = "SELECT document FROM versions WHERE state = ? ORDER BY number"
        new = [decode_model(document) for (document,) in self._database.execute(question, (NEW,))]
        latest = self.latest()
        if new or latest is None or in_force == latest:
            return new
        return [self.model(latest)]

    def announced(self, version: str) -> None:
        """Scoring has heard of `version`: it is in force, and versions before it need not be announced any more."""
        self._set(_IN_FORCE, version)
        self._database.execute(
            "UPDATE versions SET state = ?"
            " WHERE state = ? AND number < (SELECT number FROM versions WHERE version = ?)",
            (PASSED_OVER, NEW, version),
        )
        self._database.execute("UPDATE versions SET state = ? WHERE version = ?", (ANNOUNCED, version))

    def in_force(self) -> str | None:
        """The version that was announced last."""
        return self._get(_IN_FORCE)

    # --- what operators say ----------------------------------------------------------------------

    def pin(self, version: str) -> None:
        """Announce `version` and no other until it is unpinned; learning goes on. Raises `UnknownVersion`."""
        self._stored(version)
        self._set(_PIN, version)

    def unpin(self) -> None:
        """Announce the latest version, and those after it."""
        self._database.execute("DELETE FROM directives WHERE name = ?", (_PIN,))
        self._database.execute(
            "UPDATE versions SET state = ? WHERE state = ? AND number < (SELECT max(number) FROM versions)",
            (PASSED_OVER, NEW),
        )

    def pinned(self) -> str | None:
        """The version that is pinned."""
        return self._get(_PIN)

    def ask_for(self, learner: str) -> None:
        """Have `learner` (`models.challengers.EXPORTABLE`) published from the next version on."""
        self._set(_PROMOTE, learner)

    def asked_for(self) -> str | None:
        """The learner that an operator wants; the question is gone once it is answered."""
        wanted = self._get(_PROMOTE)
        if wanted is not None:
            self._database.execute("DELETE FROM directives WHERE name = ?", (_PROMOTE,))
        return wanted

    def promoted(self, promotion: Promotion) -> None:
        """Write down a change of champion."""
        self._database.execute("INSERT INTO promotions (body) VALUES (?)", (msgspec.json.encode(promotion),))

    def promotions(self) -> list[Promotion]:
        """All changes of champion, the oldest first."""
        found = self._database.execute("SELECT body FROM promotions ORDER BY number")
        return [msgspec.json.decode(body, type=Promotion) for (body,) in found]

    def _get(self, name: str) -> str | None:
        found = self._database.execute("SELECT value FROM directives WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def _set(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO directives VALUES (?, ?)", (name, value))
