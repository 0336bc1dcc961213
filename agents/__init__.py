"""Faust agents: decode, call one stage, done."""
