"""Stores of shard state: one protocol, one contract suite."""
