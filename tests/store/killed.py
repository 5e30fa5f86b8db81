"""An upload that is killed at each of its system calls in turn, and resumes from there.

Run as `killed.py FOLDER before|torn SIZE`; prints how many kills there were.
"""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from onecopy.content import Digests
from onecopy.store import Object, Upload
from onecopy.store.folder.store import FolderStore
from onecopy.testing.store import digest_of, parts_of

CALLS = {
    "before": ("open", "mkdir", "link", "unlink", "fsync", "write", "pwrite", "ftruncate"),
    "torn": ("write", "pwrite"),
}


def die_at(last: int, how: str) -> None:
    """Let this process be killed at the given call, by SIGKILL: nothing is tidied up."""
    numbers = count(1)

    def watch(name: str) -> None:
        act: Callable[..., Any] = getattr(os, name)

        def watched(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - stands for any of them
            # Opening what is there changes nothing: to die before it is to die before what follows.
            changes = name != "open" or args[1] & os.O_CREAT
            if changes and next(numbers) == last:
                if how == "torn":
                    fd, chunk, *at = args
                    act(fd, chunk[: len(chunk) // 2], *at)
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*args, **named)

        setattr(os, name, watched)

    for name in CALLS[how]:
        watch(name)


def upload_all(
    store: FolderStore, upload: Upload, content: bytes, say: Callable[[str], object]
) -> Object:
    """Do what a server does for an upload, begun before or not; say what was answered."""
    store.identify(create=True)
    store.begin([upload])
    say("begun")
    there = {part.number for part in store.parts(upload)}
    for number, part in enumerate(parts_of(content), 1):
        if number not in there:
            store.write(upload, number, iter([part[:1000], part[1000:]]), None)
            say(f"part {number}")
    stored = store.complete(upload, digest_of(content))
    assert isinstance(stored, Object)
    say(f"identity {stored.identity}")
    return stored


def die_uploading(last: int, how: str, folder: Path, upload: Upload, content: bytes) -> list[str]:
    """Upload in a process that dies at the given call; return what it had answered before."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        tell = os.write  # before it is watched
        die_at(last, how)
        store = FolderStore(folder)
        upload_all(store, upload, content, lambda text: tell(writing, f"{text}\n".encode()))
        store.abort(upload)
        tell(writing, b"done\n")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        said = answers.read().splitlines()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == (0 if "done" in said else -signal.SIGKILL), code
    return said


def go_on(said: list[str], folder: Path, upload: Upload, content: bytes) -> None:
    """Make sure that what was answered holds, and that the upload can be brought to its end."""
    path = folder / upload.key
    assert not path.exists() or path.read_bytes() == content, "half of it is seen"
    store = FolderStore(folder)
    store.identify(create=True)
    identities = [text.removeprefix("identity ") for text in said if text.startswith("identity ")]
    if not identities:
        acknowledged = {int(text.removeprefix("part ")) for text in said if text.startswith("part")}
        if "begun" in said:
            assert acknowledged <= {part.number for part in store.parts(upload)}, "a part is lost"
        identities = [upload_all(store, upload, content, str).identity]
    store.abort(upload)
    seen = store.look([upload.key])[0]
    assert isinstance(seen, Object)
    assert seen.identity == identities[0], "an object has changed"
    assert path.read_bytes() == content
    assert path.stat().st_nlink == 1
    assert list((folder / ".onecopy" / "uploads").iterdir()) == []
    assert [listed.digests for listed in store.objects()] == [Digests()]


def main(folder: Path, how: str, size: int) -> None:
    """Kill at the first call, at the second, and so on until there are no more."""
    content = os.urandom(size)
    for last in count(1):
        place = folder.with_name(f"{folder.name}-{last}")
        upload = Upload(f"{last:032x}", "new/folder/a", size)
        said = die_uploading(last, how, place, upload, content)
        go_on(said, place, upload, content)
        if "done" in said:
            sys.stdout.write(f"{last - 1}\n")
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
