"""Plain Faust with a table: one event at a time, one table write an event, as its documentation shows it."""

import socket
from typing import Any

import faust

from benchmarks.peers.assignment import Assignment, assignment
from streams.garbage import tune_garbage_collection


def build(given: Assignment) -> faust.App:
    """The app; `variant` is the URL of the tables' store."""
    app = faust.App(
        given.group,
        broker=f"kafka://{given.brokers}",
        store=given.variant,
        datadir=given.directory,
        topic_partitions=given.partitions,
        key_serializer="raw",
        value_serializer="raw",
        producer_linger=0.02,
        producer_max_batch_size=262_144,
        stream_buffer_maxsize=16_384,
        broker_max_poll_records=4_096,
        broker_session_timeout=given.session_timeout_s,
        broker_heartbeat_interval=given.session_timeout_s / 6,
        web_enabled=False,
        web_port=_free_port(),  # it serves its pages whatever `web_enabled` says
    )
    source = app.topic(given.input_topic, key_type=bytes, value_type=bytes, partitions=given.partitions)
    output = app.topic(given.output_topic, key_type=bytes, value_type=bytes, partitions=given.partitions)
    states = app.Table("states", key_type=bytes, value_type=bytes, partitions=given.partitions)
    work = given.new_work()

    @app.agent(source)
    async def process(stream: Any) -> None:
        async for key, body in stream.items():
            state, outputs = work.apply(body, states.get(key))
            if state is not None:
                states[key] = state
            for output_key, output_body in outputs:
                await output.send(key=output_key, value=output_body)

    return app


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    tune_garbage_collection()
    faust.Worker(build(assignment()), loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
