"""Seeded faults: duplicates, reordering, crashes and zombies."""
