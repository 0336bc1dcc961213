"""Unit tests of the streams layer."""
