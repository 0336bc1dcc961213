"""One unit at a time, no network."""
