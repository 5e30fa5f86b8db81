"""Somebody else who changes a store behind our back, in a folder or in a bucket."""

import os
from contextlib import suppress

from botocore.exceptions import ClientError

from onecopy.aws.client import status_of
from tests.gate.bucket import BucketWorld
from tests.gate.world import World
from tests.reliability import folder


class Stranger:
    """Changes files of a folder; `me` is one of several who do so at the same time."""

    def __init__(self, world: World, me: int) -> None:
        self.world = world
        self._draft = world.root / f"draft {me}"

    def delete(self, key: str) -> None:
        """Delete what is at a key."""
        with suppress(FileNotFoundError):
            folder.delete(self.world.path(key))

    def replace(self, key: str, data: bytes) -> None:
        """Put another object there."""
        folder.place(self.world.path(key), data, self._draft)

    def overwrite(self, key: str, data: bytes) -> None:
        """Overwrite what is there so that as little as possible shows."""
        with suppress(FileNotFoundError):
            folder.overwrite(self.world.path(key), data)

    def create(self, key: str, data: bytes) -> bool:
        """Create an object unless there is one; return whether that was done."""
        self._draft.write_bytes(data)
        try:
            os.link(self._draft, self.world.path(key))
        except FileExistsError:
            return False
        finally:
            self._draft.unlink()
        return True


class BucketStranger(Stranger):
    """Changes objects of a bucket, in which every object is written as a whole."""

    world: BucketWorld

    def delete(self, key: str) -> None:
        self.world.remove(key)

    def replace(self, key: str, data: bytes) -> None:
        self.world.place(key, data)

    def overwrite(self, key: str, data: bytes) -> None:
        self.world.place(key, data)

    def create(self, key: str, data: bytes) -> bool:
        try:
            self.world.client.put_object(**self.world.full(key), Body=data, IfNoneMatch="*")
        except ClientError as error:
            if status_of(error) not in (409, 412):
                raise
            return False
        return True


def stranger(world: World, me: int) -> Stranger:
    """Return somebody else in a world."""
    return BucketStranger(world, me) if isinstance(world, BucketWorld) else Stranger(world, me)
