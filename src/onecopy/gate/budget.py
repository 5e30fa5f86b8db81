"""The limits within which one request may read stored copies."""

import time
from threading import Lock


class Budget:
    """Bytes and seconds that one request may still spend on reading stored copies."""

    def __init__(self, bytes_left: int, seconds: float) -> None:
        self._bytes_left = bytes_left
        self._deadline = time.monotonic() + seconds
        self._lock = Lock()

    @property
    def over(self) -> bool:
        """Whether its time has run out."""
        return time.monotonic() > self._deadline

    def spend(self, size: int) -> bool:
        """Spend `size` bytes; return False if they or the time are used up."""
        with self._lock:
            if size > self._bytes_left or self.over:
                return False
            self._bytes_left -= size
            return True
