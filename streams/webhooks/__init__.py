"""Delivering alerts to receivers of the bank's: what is sent, to whom, how often, and what is kept of it."""
