"""Real S3 servers from PyPI, run as child processes: what tests and benchmarks stand on.

    with seaweedfs() as server:
        store = open_store(server.store_url(server.bucket()))

What each of them gets wrong stands in `expectations.py`, and is tried by `test_standins.py`.
"""

from tests.standins.servers import SERVERS, ministack, moto, rclone, seaweedfs
from tests.standins.standin import Standin

__all__ = ["SERVERS", "Standin", "ministack", "moto", "rclone", "seaweedfs"]
