"""The pure domain: no IO, no clock, no environment, no unseeded randomness."""
