"""Tests; a package, so that tests/models/ can never shadow models/."""
