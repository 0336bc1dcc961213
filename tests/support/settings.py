"""What the environment asks of the proofs: how many kills, which seed, how many rounds."""

import os
from pathlib import Path


def kills() -> int:
    """How many times the kill proof strikes (`EBBWATCH_KILLS`)."""
    return int(os.environ.get("EBBWATCH_KILLS", "20"))


def seed() -> int:
    """The seed of everything random in the proofs (`EBBWATCH_SEED`)."""
    return int(os.environ.get("EBBWATCH_SEED", "7"))


def rounds() -> int:
    """How many histories the simulation of faults goes through (`EBBWATCH_ROUNDS`)."""
    return int(os.environ.get("EBBWATCH_ROUNDS", "150"))


def chaos_rounds() -> int:
    """How many faults the chaos proof lets loose on the live service (`EBBWATCH_CHAOS_ROUNDS`)."""
    return int(os.environ.get("EBBWATCH_CHAOS_ROUNDS", "10"))


def figures() -> Path | None:
    """Where a proof keeps its figures and pictures (`EBBWATCH_FIGURES`); None: nowhere."""
    directory = os.environ.get("EBBWATCH_FIGURES")
    return Path(directory) if directory else None
