"""Leases of contents: who has one, who waits for how long, and what processes share."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecopy.errors import Unavailable
from onecopy.gate import leases as module
from onecopy.gate.leases import MAX_WAIT, ContentLeases, MemoryLeases
from onecopy.index.interface import Lease


class Clock:
    """A clock that stands still unless it is set."""

    now = 1000.0

    def __call__(self) -> float:
        assert self.now < 5000, "nobody waits for ever"
        return self.now


class Shared(MemoryLeases):
    """Leases that processes share, as an index keeps them; notes the requests, and may fail."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.requests: list[str] = []
        self.fails = False

    def take_leases(self, leases: Sequence[Lease]) -> list[bool]:
        self._request("take")
        return super().take_leases(leases)

    def end_leases(self, leases: Sequence[Lease]) -> None:
        self._request("end")
        super().end_leases(leases)

    def _request(self, name: str) -> None:
        self.requests.append(name)
        if self.fails:
            raise Unavailable("the database is away")


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def leases(clock: Clock) -> ContentLeases:
    """Return the leases of one process."""
    return ContentLeases(clock=clock)


@pytest.fixture
def shared(clock: Clock) -> Shared:
    """Return what two processes share."""
    return Shared(clock)


def lease(holder: str, name: str = "x", seconds: float = 10) -> Lease:
    """Return a lease as a begin wants it."""
    return Lease(name, holder, seconds)


def waits(leases: ContentLeases, holder: str, name: str = "x") -> bool:
    """Try to take a lease; return whether the holder has to wait."""
    return bool(leases.take([lease(holder, name)]))


def test_a_second_upload_waits_until_the_first_ends(leases: ContentLeases) -> None:
    """Another holder has to wait, for this content alone, and not once the lease is ended."""
    assert not waits(leases, "a")
    assert waits(leases, "b")
    assert not waits(leases, "b", "y")
    leases.end([lease("a")])
    assert not waits(leases, "b")
    assert waits(leases, "a")


def test_a_repeated_begin_does_not_wait(leases: ContentLeases) -> None:
    """The holder of a lease gets it again."""
    assert [waits(leases, "a") for _ in range(3)] == [False] * 3


def test_two_in_one_request(leases: ContentLeases) -> None:
    """Of two uploads of a content in one request, the second waits."""
    assert leases.take([lease("a"), lease("b"), lease("c", "y")]) == {"b"}


def test_a_silent_upload_loses_its_lease(leases: ContentLeases, clock: Clock) -> None:
    """Without a sign of life, the lease ends when it said so; with one, later."""
    leases.take([lease("a"), lease("b", "y")])
    clock.now += 9
    leases.extend([lease("b", "y")])
    assert waits(leases, "c")
    clock.now += 1
    assert not waits(leases, "c")
    assert waits(leases, "c", "y")
    clock.now += 9
    assert not waits(leases, "c", "y")


def test_a_sign_of_life_never_shortens_a_lease(leases: ContentLeases, clock: Clock) -> None:
    """Whatever is noted later, a lease lasts as long as it was given first."""
    leases.take([lease("a", seconds=50)])
    leases.extend([lease("a", seconds=10)])
    clock.now += 49
    assert waits(leases, "b")


def test_a_sign_of_life_of_another_changes_nothing(leases: ContentLeases, clock: Clock) -> None:
    """An upload that does not have the lease neither gets it nor ends it."""
    leases.take([lease("a")])
    leases.extend([lease("b", seconds=60)])
    leases.end([lease("b")])
    clock.now += 9
    assert waits(leases, "b")
    clock.now += 1
    leases.extend([lease("b")])
    assert waits(leases, "a"), "a free lease is taken by whoever is alive"


def test_nobody_waits_for_longer_than_a_minute(leases: ContentLeases, clock: Clock) -> None:
    """After a minute of waiting, uploads need not wait, although the first is still alive."""
    began = clock.now
    leases.take([lease("a")])
    while waits(leases, "b"):
        clock.now += 1
        leases.extend([lease("a")])
    assert clock.now - began == MAX_WAIT
    assert not waits(leases, "c")
    clock.now += module._FORGET + 1
    leases.extend([lease("a")])
    assert waits(leases, "c"), "but who comes later waits for a minute of its own"


def test_a_client_that_seldom_asks_does_not_wait_longer(
    leases: ContentLeases, clock: Clock
) -> None:
    """A page in a hidden tab acts once a minute; its wait does not begin anew each time."""
    leases.take([lease("a", seconds=600)])
    assert waits(leases, "b")
    clock.now += 61
    assert not waits(leases, "b")


def test_each_content_is_waited_for_by_itself(leases: ContentLeases, clock: Clock) -> None:
    """That one content has been waited for says nothing about another."""
    leases.take([lease("a", seconds=120), lease("a2", "y", seconds=120)])
    for _ in range(6):
        assert waits(leases, "b")
        clock.now += 10
    assert leases.take([lease("b"), lease("c", "y")]) == {"c"}


def test_who_has_a_lease(clock: Clock) -> None:
    """Nobody has one that has expired, or that was never taken."""
    held = MemoryLeases(clock)
    held.take_leases([lease("a"), lease("b", "y", seconds=5)])
    assert held.lease_holders(["y", "never", "x"]) == ["b", "", "a"]
    clock.now += 5
    assert held.lease_holders(["y", "x"]) == ["", "a"]
    assert held.take_leases([lease("c", "y")]) == [True]


@pytest.mark.parametrize("ends", ["silent", "aborted", "alive"])
def test_nobody_is_held_up_by_those_who_begin_and_do_not_send(
    leases: ContentLeases, clock: Clock, ends: str
) -> None:
    """Whatever others begin, abort or keep alive, one after the other: a minute is the most."""
    began, number = clock.now, 0
    while True:
        waits(leases, f"rival {number}")
        if not waits(leases, "victim"):
            break
        clock.now += 0.5
        if ends == "alive":
            leases.extend([lease(f"rival {number}")])
            continue
        if ends == "aborted":
            leases.end([lease(f"rival {number}")])
        number += 1
        waits(leases, f"rival {number}")
    assert clock.now - began <= MAX_WAIT


def test_what_is_over_is_forgotten(clock: Clock) -> None:
    """Memory does not grow with the uploads of the past."""
    held = MemoryLeases(clock)
    leases = ContentLeases(held, clock)
    for number in range(100):
        leases.take([lease(f"{number}", f"{number}")])
        leases.take([lease("other", f"{number}")])
        leases.extend([lease(f"late {number}", f"{number}")])
    leases.end([lease(f"{number}", f"{number}") for number in range(50)])
    clock.now += module._FORGET + 1
    leases.take([lease("a")])
    assert held._held.keys() == {"x"}
    assert not leases._waits
    assert leases._renewed.keys() == {"a"}
    clock.now += MAX_WAIT - 1
    leases.take([lease("b", "y")])
    assert leases._renewed.keys() == {"a", "b"}
    leases.end([lease("a"), lease("b", "y")])
    assert not held._held
    assert not leases._renewed


def process(shared: Shared, clock: Clock) -> ContentLeases:
    """Return the leases of a process that shares them with others."""
    return ContentLeases(shared, clock, renew_seconds=3)


def test_processes_share_leases(clock: Clock, shared: Shared) -> None:
    """An upload waits for one that another process has begun; a batch takes one request."""
    one, two = process(shared, clock), process(shared, clock)
    assert one.take([lease("a"), lease("b", "y")]) == set()
    assert two.take([lease("c"), lease("d", "z")]) == {"c"}
    one.end([lease("a"), lease("b", "y")])
    one.end([])
    assert two.take([lease("c"), lease("e", "y")]) == set()
    assert two.take([]) == set()
    assert shared.requests == ["take", "take", "end", "take"]


def test_an_upload_ends_in_another_process(clock: Clock, shared: Shared) -> None:
    """Whichever process ends it, nobody waits any longer, at the one that began it either."""
    one, two = process(shared, clock), process(shared, clock)
    one.take([lease("a")])
    two.end([lease("a")])
    assert not waits(one, "b")


def test_a_shared_lease_is_renewed_now_and_then(clock: Clock, shared: Shared) -> None:
    """Signs of life reach the index every few seconds, from whichever process sees them."""
    one, two = process(shared, clock), process(shared, clock)
    one.take([lease("a")])
    for _ in range(200):
        clock.now += 0.1
        two.extend([lease("a")])
        assert waits(ContentLeases(shared, clock), "b")
    renewals = shared.requests.count("take") - 1 - 200
    assert 5 <= renewals <= 7


def test_many_leases_are_renewed_with_one_request(clock: Clock, shared: Shared) -> None:
    """Completing a batch costs the index one write, also if two uploads have one content."""
    one = process(shared, clock)
    wanted = [lease("a"), lease("b", "y"), lease("c", "z")]
    one.take(wanted)
    clock.now += 5
    one.extend([*wanted, lease("d", "z")])
    one.extend([])
    assert shared.requests == ["take", "take"]
    clock.now += 9
    assert one.take([lease("e"), lease("f", "y"), lease("g", "z")]) == {"e", "f", "g"}


def test_a_short_upload_is_never_renewed(clock: Clock, shared: Shared) -> None:
    """A small file costs the index two requests: one to take its lease, and one to end it."""
    one, two = process(shared, clock), process(shared, clock)
    one.take([lease("a")])
    for process_of_part in (one, two, one):
        process_of_part.extend([lease("a", seconds=30)])
        clock.now += 0.5
    two.end([lease("a")])
    assert shared.requests == ["take", "end"]


def test_a_minute_counts_across_processes(clock: Clock, shared: Shared) -> None:
    """Nobody waits for longer than a minute for another process either."""
    one, two = process(shared, clock), process(shared, clock)
    began = clock.now
    one.take([lease("a")])
    while waits(two, "b"):
        clock.now += 1
        one.extend([lease("a")])
    assert clock.now - began == MAX_WAIT


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the processes that have ended."""
    ended = set[str]()
    monkeypatch.setattr(module, "has_ended", ended.__contains__)
    return ended


def command(shared: Shared, clock: Clock, name: str) -> ContentLeases:
    """Return the leases of a process whose uploads end with it."""
    return ContentLeases(shared, clock, renew_seconds=3, process=name)


def test_nobody_waits_for_a_process_that_has_ended(
    clock: Clock, shared: Shared, ended: set[str]
) -> None:
    """Its leases are free at once, all of them, and those of others in the same request are not."""
    service, killed = process(shared, clock), command(shared, clock, "killed")
    killed.take([lease("a"), lease("b", "y")])
    service.take([lease("c", "z")])
    wanted = [lease("d"), lease("e", "y"), lease("f", "z"), lease("g", "new")]
    assert service.take(wanted) == {"d", "e", "f"}
    ended.add("killed")
    assert service.take(wanted) == {"f"}
    assert shared.lease_holders(["x", "y", "z", "new"]) == ["d", "e", "c", "g"]


def test_a_process_renews_and_ends_its_own_leases(
    clock: Clock, shared: Shared, ended: set[str]
) -> None:
    """Leases that name a process are renewed and ended as any others."""
    one, two = command(shared, clock, "one"), command(shared, clock, "two")
    one.take([lease("a")])
    clock.now += 9
    one.extend([lease("a")])
    clock.now += 9
    assert waits(two, "b")
    one.end([lease("a")])
    assert shared.lease_holders(["x"]) == [""]
    assert not waits(two, "b")


def test_an_upload_of_a_killed_process_is_resumed(
    clock: Clock, shared: Shared, ended: set[str]
) -> None:
    """The process that resumes it has the lease after some seconds, in place of the other."""
    killed, again = command(shared, clock, "killed"), command(shared, clock, "again")
    killed.take([lease("a", seconds=60)])
    ended.add("killed")
    again.extend([lease("a")])
    clock.now += 3
    again.extend([lease("a")])
    assert waits(again, "b")
    assert waits(process(shared, clock), "c")
    again.end([lease("a")])
    assert not waits(again, "b")


def test_an_index_that_fails(
    clock: Clock, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    """A begin fails with the index, but an upload under way does not."""
    one = process(shared, clock)
    one.take([lease("a")])
    shared.fails = True
    clock.now += 5
    one.extend([lease("a")])
    one.end([lease("a")])
    with pytest.raises(Unavailable):
        one.take([lease("b")])
    assert shared.requests == ["take", "take", "end", "take"]
    assert caplog.messages == ["leases were not changed: the database is away"] * 2


def test_only_an_index_that_keeps_leases_is_asked(shared: Shared) -> None:
    """With any other index, leases are those of one process."""
    leases, named = ContentLeases.of(shared), ContentLeases.of(shared, process="me")
    leases.take([lease("a")])
    named.take([lease("b", "y")])
    named.extend([lease("b", "y")])
    assert shared.requests == ["take", "take"], "renewed every few seconds"
    assert shared.lease_holders(["x", "y"]) == ["a", "b@me"]
    assert isinstance(ContentLeases.of(object())._held, MemoryLeases)


HOLDERS = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), HOLDERS),
        st.tuples(st.just("extend"), HOLDERS),
        st.tuples(st.just("end"), HOLDERS),
        st.tuples(st.just("sleep"), st.sampled_from([1.0, 4.0, 9.0])),
    ),
    max_size=60,
)


@given(STEPS, st.booleans())
def test_any_order(steps: list[tuple[str, str | float]], is_shared: bool) -> None:
    """In any order: nobody waits for what is over, and nobody who asks waits for over a minute."""
    clock = Clock()
    shared = Shared(clock)
    processes = (
        [process(shared, clock) for _ in range(2)] if is_shared else [ContentLeases(shared, clock)]
    )
    alive: dict[str, float] = {}
    """Holder -> until when its signs of life may keep the lease for it."""
    waiting: dict[tuple[int, str], tuple[float, float]] = {}
    """Process and holder -> since when it has to wait, and when it asked last."""
    for number, (step, argument) in enumerate(steps):
        at = number % len(processes)
        if isinstance(argument, float):
            clock.now += argument
            continue
        leases, own, place = processes[at], lease(argument), (at, argument)
        if step == "end":
            leases.end([own])
            alive.pop(argument, None)
        elif step == "extend":
            leases.extend([own])
            alive[argument] = clock.now + 10
        elif leases.take([own]):
            assert any(until > clock.now for who, until in alive.items() if who != argument)
            since, asked = waiting.get(place, (clock.now, clock.now))
            if clock.now - asked > module._FORGET:
                since = clock.now
            assert clock.now - since < MAX_WAIT
            waiting[place] = since, clock.now
        else:
            waiting.pop(place, None)
            alive[argument] = clock.now + 10
