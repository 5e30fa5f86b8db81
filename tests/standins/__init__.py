"""Real S3 servers from PyPI, run as child processes for tests and benchmarks.

    with seaweedfs() as server:
        store = open_store(server.store_url(server.bucket()))

`differences.py` lists where they differ from S3, which `test_facts.py` verifies.
"""

from tests.standins.servers import SERVERS, ministack, moto, rclone, seaweedfs
from tests.standins.standin import Standin

__all__ = ["SERVERS", "Standin", "ministack", "moto", "rclone", "seaweedfs"]
