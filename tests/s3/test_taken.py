"""Names that are taken in a bucket: `--on-taken rename` knows before it sends the file."""

from pathlib import Path

import pytest

from onecopy.digest import SMALLEST_PART
from onecopy.files import walk
from onecopy.upload import Options, Outcome, upload
from tests.gate.bucket import BucketWorld
from tests.s3.between import Between
from tests.upload.conftest import noise, write


@pytest.mark.parametrize("size", [10, SMALLEST_PART + 10])
def test_renamed_before_it_is_sent(
    far: BucketWorld, between: Between, tmp_path: Path, size: int
) -> None:
    """The objects at two keys, which no index knows, stay; the bytes go out once."""
    for key in ("a.jpg", "a (2).jpg"):
        far.place(key, b"theirs")
    path = write(tmp_path / "a.jpg", noise(size))
    [result] = upload(walk([path]), far.gate(), Options(on_taken="rename"))
    assert (result.outcome, result.key) == (Outcome.UPLOADED, "a (3).jpg")
    assert far.objects()["a (3).jpg"] == noise(size)
    assert far.objects()["a.jpg"] == b"theirs"
    sent = {step: length for step, length in between.sent.items() if step[:3] in {"put", "par"}}
    assert sum(sent.values()) == size
