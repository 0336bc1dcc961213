"""One suite for each seam, run against all its implementations."""
