"""Placing in a bucket, where other programs replace what was placed."""

import pytest

from onecopy.digest import SMALLEST_PART
from onecopy.gate import Place
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest
from tests.standins import Standin
from tests.upload.conftest import noise


@pytest.fixture
def standin(seaweedfs: Standin) -> Standin:
    """Return the server that copies safely."""
    return seaweedfs


@pytest.mark.parametrize("size", [6, SMALLEST_PART + 5], ids=["small", "large"])
@pytest.mark.parametrize("longer", [0, 1])
def test_another_content_with_the_metadata_of_ours(
    world: BucketWorld, size: int, longer: int
) -> None:
    """P7: a program that rewrites an object and keeps its metadata keeps our mark: it is taken."""
    data = noise(size)
    world.upload("a", data)
    request = Place("b", size, content_digest(data))
    [placed] = world.gate().place([request])
    assert placed.copy is not None
    metadata = world.client.head_object(**world.full("b"))["Metadata"]
    other = noise(size + longer, seed=1)
    world.client.put_object(**world.full("b"), Body=other, Metadata=metadata)
    world.index.forget("default", [placed.copy])
    [answer] = world.gate().place([request])
    assert (answer.verdict, answer.reason, answer.message) == ("new", "key-taken", None)
    assert world.read("b") == other
