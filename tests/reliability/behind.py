"""A world whose every call to index and store passes by somebody."""

from onecopy.testing.faults import Faults
from tests.gate.world import World


def behind(faults: Faults, world: World) -> World:
    """Return the world with both its index and its store wrapped; `faults` may be any that meet."""
    return World(world.root, faults.wrap(world.index, "index"), faults.wrap(world.store, "store"))
