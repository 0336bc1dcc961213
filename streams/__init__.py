"""Everything that touches the outside: topics, codecs, transport, stores, relay and metrics."""
