"""Readers of recorded data, on the data itself."""
