"""A world in which every call to index and store is intercepted."""

from dataclasses import replace
from typing import TypeVar

from onecopy.testing.faults import Faults
from tests.gate.world import World

W = TypeVar("W", bound=World)


def behind(faults: Faults, world: W) -> W:
    """Return the world with its index and store wrapped by `faults`."""
    return replace(
        world,
        index=faults.wrap(world.index, "index"),
        store=faults.wrap(world.store, "store"),
    )
