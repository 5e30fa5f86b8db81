"""A world whose every call to index and store passes by somebody."""

from dataclasses import replace
from typing import TypeVar

from onecopy.testing.faults import Faults
from tests.gate.world import World

W = TypeVar("W", bound=World)


def behind(faults: Faults, world: W) -> W:
    """Return the world with both its index and its store wrapped; `faults` may be any that meet."""
    return replace(
        world,
        index=faults.wrap(world.index, "index"),
        store=faults.wrap(world.store, "store"),
    )
