"""Several processes that place, upload and abort one content, and others who meddle with it."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

from onecopy.content import Verdict
from onecopy.gate import Answer, LocalGate, Place
from onecopy.gate.leases import ContentLeases
from tests.gate.world import World, content_digest
from tests.reliability.pairs import upload
from tests.reliability.stranger import stranger
from tests.reliability.worker import Tell, Told

PROCESSES = 3
THREADS = 2
"""Of each process: they share a gate, so that uploads wait for each other."""
_PATIENCE = 60
"""Seconds; a longer wait means that another process has failed."""
BEHIND = "behind our back"
"""The reason if somebody else has created a file."""
_ASKS = 1000
"""How often a content is placed that others place at the moment."""


class Part:
    """What one thread has to do in one race."""

    def __init__(self, world: World, gate: LocalGate, number: int, me: int) -> None:
        self.world = world
        self.gate = gate
        self.number = number
        self.me = me
        self.source = f"{number}/source"
        self.target = f"{number}/target"
        self.own = f"{number}/{me}"
        self.stranger = stranger(world, me)

    @property
    def data(self) -> bytes:
        """The content that is stored at the source when the race begins."""
        return content_of(self.number)

    @property
    def other(self) -> bytes:
        """A content of this thread, of the same size."""
        return content_of(self.number, self.me)

    def place(self, key: str) -> Answer:
        """Place the content, and ask again as long as others place it."""
        request = Place(key, len(self.data), content_digest(self.data))
        for _ in range(_ASKS):
            [answer] = self.gate.place([request])
            if answer.reason != "placing":
                break
            sleep(0.001)
        return answer


def content_of(number: int, me: int | None = None) -> bytes:
    """Return the content of a race, or one of a thread that has the same size."""
    return f"race {number:9} {'common' if me is None else f'own {me:2}'}".encode()


def place_at_target(part: Part) -> Answer:
    """Place the content at the key that all contend for."""
    return part.place(part.target)


def place_at_own(part: Part) -> Answer:
    """Place it at a key of one's own."""
    return part.place(part.own)


def upload_to_target(part: Part) -> Answer:
    """Upload another content to the key that all contend for."""
    return upload(part.gate, part.target, part.other).answer


def upload_to_own(part: Part) -> Answer:
    """Upload the content to a key of one's own; it waits, or is already stored."""
    return upload(part.gate, part.own, part.data).answer


def abort(part: Part) -> None:
    """Begin an upload, and abort it."""
    begun = part.world.begin(part.own, part.data, anyway=True, gate=part.gate)
    assert begun.ticket is not None
    part.gate.abort([begun.ticket])


def delete_source(part: Part) -> None:
    """Delete the source behind our back."""
    part.stranger.delete(part.source)


def replace_source(part: Part) -> None:
    """Replace it by a file of the same size."""
    part.stranger.replace(part.source, part.other)


def overwrite_source(part: Part) -> None:
    """Overwrite it in place, with its old time; in a bucket, replace it once more."""
    part.stranger.overwrite(part.source, part.other)


def take_target(part: Part) -> Answer | None:
    """Create a file at the key that all contend for, unless there is one."""
    is_created = part.stranger.create(part.target, part.other)
    return Answer(Verdict.NEW, reason=BEHIND) if is_created else None


def delete_target(part: Part) -> None:
    """Delete what is at the key that all contend for."""
    part.stranger.delete(part.target)


Role = Callable[[Part], Answer | None]
ROLES: tuple[Role, ...] = (
    place_at_target,
    place_at_own,
    upload_to_target,
    upload_to_own,
    abort,
    delete_source,
    replace_source,
    overwrite_source,
    take_target,
    delete_target,
)
_WEIGHTS = (6, 6, 3, 5, 2, 1, 1, 1, 2, 1)


def roles_of(number: int) -> list[Role]:
    """Return what each thread does in a race; the same in every process."""
    chance = random.Random(number)
    return chance.choices(ROLES, _WEIGHTS, k=PROCESSES * THREADS)


def race(
    tell: Tell, opened: Callable[[], World], barrier: Barrier, races: int, process: int
) -> None:
    """Run all races with the threads of one process, and report each answer."""
    world = opened()
    gate = world.gate(leases=ContentLeases())

    def play(number: int, me: int) -> Answer | None:
        role = roles_of(number)[me]
        barrier.wait(_PATIENCE)
        return role(Part(world, gate, number, me))

    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(races):
            if process == 0:
                world.upload(f"{number}/source", content_of(number), gate=gate)
            mine = [process * THREADS + thread for thread in range(THREADS)]
            for me, answer in zip(mine, pool.map(play, [number] * THREADS, mine), strict=True):
                tell(Told(roles_of(number)[me].__name__, me, answer=answer))
    world.close()
