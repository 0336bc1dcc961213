"""Measurements of the pipeline, run by `make bench`."""
