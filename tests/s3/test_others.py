"""Other people's tools at the same bucket: the AWS CLI and rclone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.scan.scanning import scan
from tests.conftest import environment
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest
from tests.s3.between import Between
from tests.standins.child import program
from tests.upload.conftest import noise, write

SIZES = (1, 1000, 5 * MiB, 8 * MiB - 1, 8 * MiB, 8 * MiB + 1, 16 * MiB, 16 * MiB + 1, 17 * MiB)


def run(world: BucketWorld, *command: str) -> None:
    """Run one of others' programs with the bucket's credentials."""
    done = subprocess.run(
        [program(command[0]), *command[1:]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(world.root),
            "RCLONE_CONFIG": "/dev/null",
            **world.standin.environment(),
        },
    )
    assert done.returncode == 0, done.stderr


def aws(world: BucketWorld, *arguments: str) -> None:
    """Run `aws s3`."""
    run(world, "aws", "--endpoint-url", world.standin.endpoint, "s3", *arguments)


def rclone(world: BucketWorld, *arguments: str) -> None:
    """Run `rclone`, to which the bucket is `:s3:`."""
    reached = ["--s3-provider", "Other", "--s3-endpoint", world.standin.endpoint]
    run(world, "rclone", *reached, "--s3-env-auth", "--s3-region", "us-east-1", *arguments)


@pytest.mark.parametrize("checksum", [True, False], ids=["with SHA256", "at its defaults"])
def test_uploaded_by_aws(
    far: BucketWorld, between: Between, tmp_path: Path, checksum: bool
) -> None:
    """What `aws s3 cp --checksum-algorithm SHA256` uploads carries the same content digest.

    Without it the bucket states MD5, over parts of the same size: a match is confirmed by reading.
    """
    for size in SIZES:
        write(tmp_path / "files" / f"{size}", noise(size))
    options = ["--checksum-algorithm", "SHA256"] if checksum else []
    target = f"s3://{far.bucket}/{far.prefix}/"
    aws(far, "cp", "--recursive", *options, str(tmp_path / "files"), target)
    figures = scan(far.index, far.store)
    assert (figures.added, figures.read_bytes, figures.problems) == (len(SIZES), 0, [])
    recorded = far.recorded()
    for size in SIZES if checksum else ():
        assert recorded[f"{size}"].content_digest == content_digest(noise(size))
        assert far.check(noise(size)).verdict is Verdict.DUPLICATE
    assert between.seen["read"] == 0
    result = upload(far, tmp_path / "files")
    assert f"0 uploaded, {len(SIZES)} already stored; 0 bytes sent" in result


def test_read_back(world: BucketWorld, tmp_path: Path) -> None:
    """What we uploaded is what `aws s3 cp` and `rclone copy` bring back, and rclone finds equal."""
    files = {f"ours/sizes/{size}": noise(size) for size in SIZES}
    for name in ("empty", "a b/c+d%41&e=f#g", "日本語/пример", "~/$HOME", "quotes\"and'more"):
        files[f"ours/{name}"] = b"" if name == "empty" else name.encode()
    for name, data in files.items():
        write(tmp_path / name, data)
    assert f"{len(files)} uploaded" in upload(world, tmp_path / "ours")
    place = f"{world.bucket}/{world.prefix}"
    aws(world, "cp", "--recursive", f"s3://{place}/", str(tmp_path / "aws"))
    rclone(world, "copy", f":s3:{place}", str(tmp_path / "rclone"))
    assert tree(tmp_path / "aws") == tree(tmp_path / "rclone") == files
    rclone(world, "check", "--one-way", str(tmp_path / "ours"), f":s3:{place}/ours")


def upload(world: BucketWorld, path: Path) -> str:
    """Run `onecopy upload`, and return what it says at its end."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "onecopy", "upload"),
            *("--index", f"sqlite:{world.root}/index.sqlite"),
            *("--store", world.standin.store_url(world.bucket, world.prefix)),
            str(path),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=world.root,
        env=environment(world.root, **world.standin.environment()),
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def tree(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder, but for what is the store's own."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".onecopy" not in path.parts
    }
