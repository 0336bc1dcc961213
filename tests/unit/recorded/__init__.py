"""Readers of recorded data, on rows invented here in the formats of the sets."""
