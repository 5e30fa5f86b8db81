"""A hundred thousand tokens: what a lookup, a creation and a list cost (`make soak`)."""

import asyncio
import random
import sqlite3
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from onecopy.http.auth import REFRESH_SECONDS
from onecopy.http.threads import Threads
from onecopy.http.token_cache import MAX_TOKENS, TokenCache
from onecopy.index import open_index
from onecopy.index.interface import State
from onecopy.tokens import (
    Token,
    create_token,
    find_token,
    hash_secret,
    list_tokens,
    name_of,
    revoke_token,
    tenants_with_tokens,
)
from onecopy.tokens.records import encode_token
from onecopy.tokens.token import new_token
from tests.http.conftest import starting

COUNT = 100_000
TENANTS = 1_000


def fill(path: Path, count: int) -> list[tuple[Token, str]]:
    """Make an index with this number of tokens, in one transaction; return some of them."""
    with closing(open_index(f"sqlite:{path}")) as index:
        create_token(index, tenant="t0")
    made = [new_token(tenant=f"t{number % TENANTS}") for number in range(count)]
    rows = [(name_of(token.sha256), encode_token(token)) for token, _ in made]
    rows += [(f"token-tenant:t{number}", b"") for number in range(min(count, TENANTS))]
    with closing(sqlite3.connect(path)) as file, file:
        file.executemany("INSERT OR IGNORE INTO state VALUES (?, ?)", rows)
    return random.Random(7).sample(made, min(count, 2000))


def microseconds(call: Callable[[str], object], hashes: Sequence[str]) -> float:
    """Return the median time of a call."""
    times: list[float] = []
    for sha256 in hashes:
        began = time.perf_counter()
        call(sha256)
        times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times)


def peak_of(call: Callable[[], object]) -> float:
    """Return the most memory that a call takes at a time, in MB."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def say(text: str) -> None:
    """Show a figure with `pytest -s`."""
    sys.stdout.write(f"{text}\n")


def keep_all(state: State, hashes: Sequence[str]) -> None:
    """Find many tokens with one cache, which keeps a bounded number of them."""
    threads = Threads()
    cache = TokenCache(state, threads, REFRESH_SECONDS)

    async def find() -> None:
        for start in range(0, len(hashes), 100):
            found = await asyncio.gather(*map(cache.find, hashes[start : start + 100]))
            assert None not in found
        assert len(cache._kept) == MAX_TOKENS

    asyncio.run(find())
    threads.close()


@pytest.mark.soak
def test_a_hundred_thousand_tokens(tmp_path: Path) -> None:
    """A lookup takes as long as among a hundred, and memory does not grow with their number."""
    medians: list[float] = []
    for count in (100, COUNT):
        path = tmp_path / f"{count}.sqlite"
        hashes = [token.sha256 for token, _ in fill(path, count)]
        with closing(open_index(f"sqlite:{path}")) as index:

            def find(sha256: str, index: State = index) -> object:
                return find_token(index, sha256)

            medians.append(microseconds(find, hashes))
            create = microseconds(lambda _, i=index: create_token(i, tenant="t1"), hashes[:50])  # type: ignore[misc]
            say(f"{count}: find {medians[-1]:.1f} µs, create {create / 1000:.1f} ms")
    assert medians[1] < 3 * medians[0]
    with closing(open_index(f"sqlite:{tmp_path / f'{COUNT}.sqlite'}")) as index:
        listed = peak_of(lambda: sum(1 for _ in list_tokens(index)))
        assert len(tenants_with_tokens(index)) == TENANTS
        everything = [token.sha256 for token in list_tokens(index)]
        assert len(everything) == COUNT + 51
        kept = peak_of(lambda: keep_all(index, everything[: 2 * MAX_TOKENS]))
        say(f"memory: list {listed:.1f} MB, cache {kept:.1f} MB")
        assert listed < 5
        assert kept < 30


@pytest.mark.soak
def test_a_service_with_a_hundred_thousand_tokens(tmp_path: Path) -> None:
    """Each lets in, is revoked within a second, and strangers keep nobody out."""
    made = fill(tmp_path / "index.sqlite", COUNT)
    with starting(tmp_path) as start:
        service = start(tokens_required=True)
        for _, secret in made[:200]:
            assert service.ask("GET", "/v1/config", token=secret).status == 200
        for token, secret in made[:5]:
            assert revoke_token(service.index, token.id)
            time.sleep(REFRESH_SECONDS)
            assert service.ask("GET", "/v1/config", token=secret).status == 401
        for number in range(200):
            assert service.ask("GET", "/v1/config", token=str(number)).status == 401
            _, secret = made[5 + number % 3]
            assert service.ask("GET", "/v1/config", token=secret).status == 200
        assert find_token(service.index, hash_secret(made[5][1])) is not None
