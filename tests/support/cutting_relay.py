"""A loopback relay in front of a server that can lose a request or an answer, as a network does."""

import asyncio
from contextlib import suppress
from types import TracebackType


class CuttingRelay:
    """Passes everything on, until told to cut: then the connection ends at the next request, or at its answer."""

    def __init__(self, port: int) -> None:
        """Stand in front of the loopback server at `port`."""
        self._behind = port
        self._cut = ""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "CuttingRelay":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    def cut_before(self) -> None:
        """Lose the next request: the server never sees it."""
        self._cut = "before"

    def cut_after(self) -> None:
        """Lose the next answer: the server has done what it was asked."""
        self._cut = "after"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        self._writers |= {writer, behind_writer}
        try:
            with suppress(OSError):
                await asyncio.gather(
                    self._pass_on(reader, behind_writer, "before", writer),
                    self._pass_on(behind_reader, writer, "after", behind_writer),
                )
        finally:
            for one in (writer, behind_writer):
                self._writers.discard(one)
                one.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: str, other: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(1 << 16):
            if self._cut == cut:
                self._cut = ""
                break
            writer.write(data)
            await writer.drain()
        writer.close()
        other.close()
