"""Readers of recorded data: public, anonymised data sets become feed events (see docs/recorded-data.md).

The project ships the readers and none of the data. Each reader is a generator
``read_x(directory, tally) -> Iterator[FeedEvent]``: events in time order, the same events for the same rows in
whatever order the files hold them, and every row that became no event counted by its reason in the tally.
"""
