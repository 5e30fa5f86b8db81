"""The pool that runs calls for the event loop: limited, warm thread first, every call answered."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from onecopy.http.threads import LONE_CALL_SECONDS, MAX_BODIES, MAX_CALLS, Pool, Threads


@pytest.fixture(params=[0, LONE_CALL_SECONDS], ids=["no wait", "wait"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """Make a pool without and with the wait for a lone call; a tenant gets two of its threads."""
    pool = Pool("test", 3, request.param)
    yield pool
    pool.close()


def test_calls_are_answered_in_a_thread(pool: Pool) -> None:
    """With what they return."""

    async def run() -> tuple[str, int]:
        return await pool.call(lambda a, b: (threading.current_thread().name, a + b), 1, 2)

    assert asyncio.run(run()) == ("test-0", 3)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_a_call_raises_is_its_callers(pool: Pool, error: type[BaseException]) -> None:
    """The thread continues."""

    def fail() -> None:
        raise error

    async def run() -> str:
        with pytest.raises(error):
            await pool.call(fail)
        return await pool.call(lambda: "still here")

    assert asyncio.run(run()) == "still here"


def test_stop_iteration_is_no_silence(pool: Pool) -> None:
    """No future can hold it: it comes as another error, and the caller is not left waiting."""

    async def run() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await pool.call(next, iter(()))

    asyncio.run(run())


def test_thread_that_was_busy_last_is_the_next(pool: Pool) -> None:
    """One call after another stays in one warm thread, though there may be more."""

    async def run() -> set[str]:
        await asyncio.gather(pool.call(time.sleep, 0.01), pool.call(time.sleep, 0.01))
        return {await pool.call(lambda: threading.current_thread().name) for _ in range(20)}

    assert len(asyncio.run(run())) == 1


def test_calls_beyond_its_threads_wait_their_turn(pool: Pool) -> None:
    """Two at a time, in order, and all of them."""
    running, most = 0, 0
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.002)
        with lock:
            running -= 1
        return number

    async def run() -> list[int]:
        return await asyncio.gather(*(pool.call(work, number) for number in range(50)))

    assert asyncio.run(run()) == list(range(50))
    assert most == 2


def test_caller_who_gave_up_does_no_harm(pool: Pool) -> None:
    """Its thread finishes, and takes the next call."""

    async def run() -> list[str]:
        tasks = [asyncio.create_task(pool.call(time.sleep, 0.1)) for _ in range(2)]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        return await asyncio.gather(*(pool.call(str, number) for number in range(3)))

    assert asyncio.run(run()) == ["0", "1", "2"]


def test_call_that_ends_as_the_wait_ends(pool: Pool) -> None:
    """Its outcome is handed over exactly once, and no thread is lost."""

    def work(number: int) -> int:
        time.sleep(LONE_CALL_SECONDS * (0.5 + number / 2_000))
        return number

    async def run() -> list[int]:
        return [await pool.call(work, number) for number in range(2_000)]

    assert asyncio.run(run()) == list(range(2_000))


def test_event_loop_is_free_while_a_call_runs(pool: Pool) -> None:
    """Other tasks run, even after many calls that came one at a time."""
    go_on = threading.Event()

    async def run() -> bool:
        for _ in range(50):
            await pool.call(int)
        call = asyncio.create_task(pool.call(go_on.wait, 10))
        await asyncio.sleep(0)
        go_on.set()
        return await call

    assert asyncio.run(run())


@pytest.mark.parametrize(
    ("descriptors", "calls", "bodies"),
    [(None, MAX_CALLS, MAX_BODIES), (256, 16, 16), (1, 2, 2)],
)
def test_no_more_threads_than_descriptors_allow(
    descriptors: int | None, calls: int, bodies: int
) -> None:
    """A process that may open few files has few threads of each kind, but some."""

    async def most(call: Callable[..., Awaitable[object]], expected: int) -> int:
        all_run = threading.Barrier(MAX_BODIES + 2)
        waits = [
            asyncio.ensure_future(call(all_run.wait, tenant=str(number)))
            for number in range(MAX_BODIES + 1)
        ]
        for _ in range(2_000):
            if all_run.n_waiting == expected:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        running = all_run.n_waiting
        all_run.abort()
        await asyncio.gather(*waits, return_exceptions=True)
        return running

    async def run() -> None:
        threads = Threads(descriptors)
        assert await most(threads.call, calls) == calls
        assert await most(threads.receive, bodies) == bodies
        threads.close()

    asyncio.run(run())
