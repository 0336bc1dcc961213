"""Quix Streams with a state for each key."""

from typing import Any, cast

from quixstreams import Application, State

from benchmarks.peers.assignment import Assignment, assignment
from streams.garbage import tune_garbage_collection

STATE_KEY = "s"
Guarantee = Any


def build(given: Assignment) -> Application:
    """The application; `variant` is the processing guarantee, with the commit interval in seconds behind an @."""
    guarantee, _, commit_interval_s = given.variant.partition("@")
    app = Application(
        broker_address=given.brokers,
        consumer_group=given.group,
        auto_offset_reset="earliest",
        state_dir=given.directory,
        processing_guarantee=cast(Guarantee, guarantee),
        commit_interval=float(commit_interval_s),
        auto_create_topics=True,
        consumer_extra_config={"session.timeout.ms": given.session_timeout_s * 1000},
        producer_extra_config={"linger.ms": 20},
        loglevel="WARNING",
    )
    source = app.topic(given.input_topic, key_deserializer="bytes", value_deserializer="bytes")
    output = app.topic(given.output_topic, key_serializer="bytes", value_serializer="bytes")
    work = given.new_work()

    def process(body: bytes, state: State) -> list[bytes]:
        new_state, outputs = work.apply(body, state.get_bytes(STATE_KEY))
        if new_state is not None:
            state.set_bytes(STATE_KEY, new_state)
        return [output_body for _, output_body in outputs]

    # An output is keyed by its customer, and so is the record that caused it: the key goes through as it is.
    app.dataframe(source).apply(process, stateful=True, expand=True).to_topic(output)
    return app


if __name__ == "__main__":
    tune_garbage_collection()
    build(assignment()).run()
