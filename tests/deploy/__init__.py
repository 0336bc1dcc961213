"""What is deployed is checked without an engine: `make check` runs these."""
