"""A batch of small files in one request: a line of JSON, then their bytes one after the other."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from onecopy import documents
from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.errors import BadInput, LimitExceeded
from onecopy.gate import Answer, Finish, SmallFile
from onecopy.http.body import required_length, streamed
from onecopy.http.decoding import Decoder
from onecopy.http.endpoints import AppState
from onecopy.http.handlers import Caller, results
from onecopy.http.response import send_response
from onecopy.limits import MAX_BATCH_BYTES
from onecopy.text import count_text

MAX_LINE = MiB
"""Bytes of the first line: 100 tickets, each for the longest key."""

_decoder = Decoder[documents.BatchRequest](documents.BatchRequest)


class _Received(NamedTuple):
    """The files of a batch that were received, and the answers of those that were refused."""

    tickets: Sequence[str]
    refused: dict[int, Answer]


class BatchEndpoint:
    """Receives batches, for a store that accepts them (a folder)."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        state = self._state
        principal = await state.authenticator.authenticate(scope, "upload")
        length = required_length(scope)
        _check_length(length)
        caller, tenant = state.caller(principal, scope), principal.tenant
        with streamed(receive, state.options.pace) as chunks:
            arguments = caller, chunks, length
            received = await state.threads.receive(_receive, *arguments, tenant=tenant)
        completing = state.threads.call(_complete, caller, received, tenant=tenant)
        document = await state.in_time(completing)
        await send_response(send, document or _unfinished(caller, received))


def _check_length(length: int) -> None:
    limit = MAX_LINE + MAX_BATCH_BYTES
    if length > limit:
        raise LimitExceeded(f"batch too large: {length} bytes (limit {limit}); split it")


def _receive(caller: Caller, chunks: Iterator[bytes], length: int) -> _Received:
    """Write the files of a batch to the store, as they arrive."""
    body = _Body(chunks)
    files, offset = _described(body.line(), length)
    batch: list[SmallFile] = []
    for file in files:
        batch.append(SmallFile(file.ticket, file.size, partial(body.read, offset, file.size)))
        offset += file.size
    refused = caller.uploads.receive_batch(batch)
    body.skip_to(offset)
    return _Received([file.ticket for file in files], refused)


def _described(line: bytes, length: int) -> tuple[list[documents.BatchFileDocument], int]:
    """Return the files that the first line describes, and the offset of their bytes."""
    files, offset = _decoder.decode(line).files, len(line) + 1
    total = offset + sum(file.size for file in files)
    if total != length:
        raise BadInput(
            f"the batch has {count_text(length, 'byte')}, but its first line describes {total:,}: "
            "correct the sizes"
        )
    return files, offset


def _complete(caller: Caller, received: _Received) -> bytes:
    tickets, refused = received
    left = [at for at in range(len(tickets)) if at not in refused]
    done = caller.uploads.complete([Finish(tickets[at]) for at in left])
    answers = {**refused, **dict(zip(left, done, strict=True))}
    return _encoded(caller, [answers[at] for at in range(len(tickets))])


def _unfinished(caller: Caller, received: _Received) -> bytes:
    """Return the response while the completion continues: the client asks again."""
    tickets, refused = received
    answer = Answer(Verdict.UNCONFIRMED, reason="completing")
    return _encoded(caller, [refused.get(at, answer) for at in range(len(tickets))])


def _encoded(caller: Caller, answers: list[Answer]) -> bytes:
    return msgspec.json.encode(results(caller, "complete", answers))


class _Body:
    """The body of a batch, read from front to back."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self._offset = 0
        """Offset of the next byte."""

    def line(self) -> bytes:
        """Return the first line, without its end."""
        line, seen = bytearray(), 0  # to search each byte once, however small the chunks are
        while (end := line.find(b"\n", seen, MAX_LINE)) < 0:
            seen = len(line)
            if seen >= MAX_LINE:
                raise LimitExceeded(
                    f"first line of the batch too long (limit {MAX_LINE} bytes); send fewer files"
                )
            chunk = next(self._chunks, b"")
            if not chunk:
                raise BadInput(
                    "the first line of the batch does not end: add a line feed after its JSON"
                )
            line += chunk
        self._rest, self._offset = bytes(line[end + 1 :]), end + 1
        return bytes(line[:end])

    def read(self, offset: int, size: int) -> Iterator[bytes]:
        """Yield `size` bytes from an offset; the bytes before it are skipped."""
        self.skip_to(offset)
        while size and (chunk := self._take(size)):
            size -= len(chunk)
            yield chunk

    def skip_to(self, offset: int) -> None:
        """Skip the bytes before an offset."""
        while self._offset < offset and self._take(offset - self._offset):
            pass

    def _take(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end of the body."""
        chunk = self._rest or next(self._chunks, b"")
        taken, self._rest = chunk[:size], chunk[size:]
        self._offset += len(taken)
        return taken
