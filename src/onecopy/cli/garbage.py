"""How often Python looks for cycles of garbage, in work that makes many objects without any.

Only commands change it: a library must not, as it concerns the whole process.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 100_000


@contextmanager
def collecting_rarely(objects: int = _OBJECTS) -> Iterator[None]:
    """Look for cycles in the block after this number of new objects, instead of 700.

    Not for blocks of several threads that end in another order.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], objects) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
