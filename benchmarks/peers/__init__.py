"""Ebbwatch beside its peers on the same Kafka: the same work, the same state, the same outputs (`make bench-peers`)."""
