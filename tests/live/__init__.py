"""`make live`: the demonstration on a real Kafka, a real Redis and two workers, all of it on this machine."""
