"""P3 against damage: one byte of the index or its WAL is flipped, and a service answers from it.

The tokens in such an index are what they were, or no tokens.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from shutil import copytree, rmtree

import pytest

from onecopy.errors import Damaged, InvalidSettings
from onecopy.index import Engine, open_index
from onecopy.tokens import Token, create_token, find_token
from tests.gate.world import World
from tests.http.conftest import Json, Service, digest, starting
from tests.reliability.figures import show

FLIPS = 1000
RUNS = 20
"""Tests among which the flips are divided, so that processes can share them."""
EARLIER = [b"earlier %d" % n for n in range(60)]
"""Contents that the file of the index has; those below are in its WAL only."""
LATER = [b"later %d" % n for n in range(60)]
UNKNOWN = [b"unknown %d" % n for n in range(20)]
NEW = b"uploaded after the damage"
FILES = "index.sqlite", "index.sqlite-wal"
FAILURES = "index-failure", "settings-invalid"
"""Reasons of a service whose index is damaged; a header may look like that of another program."""


def key(content: bytes) -> str:
    """Return the key under which a content is stored."""
    return content.decode().replace(" ", "/")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files, and an index of which half is in the WAL."""
    source = tmp_path_factory.mktemp("source")
    world = World.at(source)
    for content in EARLIER:
        world.record(key(content), content)
    world = world.reopened()  # closing has emptied the WAL
    for content in LATER:
        world.record(key(content), content)
    copy = tmp_path_factory.mktemp("good") / "copy"
    copytree(source, copy)
    world.close()
    assert all((copy / name).stat().st_size > 10_000 for name in FILES)
    return copy


def flip(folder: Path, chance: Random, files: Sequence[str] = FILES) -> str:
    """Flip one byte, often in the first bytes of a file or page; return the file's name."""
    name = chance.choice(files)
    data = bytearray((folder / name).read_bytes())
    at = chance.randrange(len(data))
    at = chance.choice([at, at, at % 100, at // 8192 * 8192 + at % 60])
    data[at] ^= chance.randrange(1, 256)
    (folder / name).write_bytes(data)
    return name


def answers_of(service: Service, contents: list[bytes]) -> list[Json]:
    """Check contents; return the results, or none if the index is damaged."""
    files = [{"size": len(content), "digests": [digest(content)]} for content in contents]
    answer = service.ask("POST", "/v1/check", {"files": files})
    if answer.status != 200:
        assert answer.reason in FAILURES, answer.body
        return []
    results: list[Json] = answer.json["results"]
    return results


def require_right(folder: Path, content: bytes, result: Json) -> str:
    """Require that a duplicate is one; return the verdict."""
    if result["verdict"] == "duplicate":
        assert content not in UNKNOWN
        assert (folder / "files" / result["copy"]["key"]).read_bytes() == content
    return str(result["verdict"])


def checked(service: Service, folder: Path) -> Iterator[tuple[str, str]]:
    """Check all contents together and some singly; yield the groups and the verdicts."""
    groups = {"earlier": EARLIER, "later": LATER, "unknown": UNKNOWN}
    group_of = {content: name for name, contents in groups.items() for content in contents}
    for contents in ([*group_of], *([content] for content in (EARLIER[7], LATER[7], UNKNOWN[7]))):
        results = answers_of(service, contents)
        for content, result in zip(contents, results, strict=bool(results)):
            yield group_of[content], require_right(folder, content, result)
        if not results:
            yield "request", "refused"


def upload(service: Service, folder: Path) -> None:
    """Upload a new file, as far as that is possible; an acknowledged one must be stored."""
    file = {"key": "new", "size": len(NEW), "digests": [digest(NEW)]}
    begun = service.ask("POST", "/v1/uploads", {"files": [file]})
    if begun.status != 200:
        assert begun.reason in FAILURES, begun.body
        return
    result = begun.json["results"][0]
    if "ticket" not in result:
        assert require_right(folder, NEW, result) == "unconfirmed"
        return
    send, tickets = result["send"], {"tickets": [{"ticket": result["ticket"]}]}
    sent = service.ask(send["method"], send["url"], body=NEW, headers=send["headers"])
    done = service.ask("POST", "/v1/uploads/complete", tickets)
    if sent.status == done.status == 200 and done.json["results"][0]["verdict"] == "new":
        assert (folder / "files" / "new").read_bytes() == NEW
    elif done.status != 200:
        assert done.reason in FAILURES, done.body


def try_one(folder: Path) -> Counter[tuple[str, str]]:
    """Serve a damaged index; return how often which verdict came."""
    try:
        with starting(folder) as start:
            service = start()
            found = Counter(checked(service, folder))
            upload(service, folder)
            assert service.ask("GET", "/healthz").status == 200
    except (Damaged, InvalidSettings):  # `onecopy serve` does not start then
        return Counter([("service", "refused")])
    return found


@pytest.mark.soak
@pytest.mark.parametrize("run", range(RUNS))
def test_flipped_byte(
    good: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, run: int
) -> None:
    """No check is answered with a false duplicate, no file is harmed, and nothing is unexpected."""
    chance, found = Random(run), Counter[str]()
    stored = {key(content): content for content in (*EARLIER, *LATER)}
    for number in range(FLIPS // RUNS):
        folder = tmp_path / str(number)
        copytree(good, folder)
        name = flip(folder, chance)
        for (group, verdict), times in try_one(folder).items():
            found[f"{name}: {group} {verdict}"] += times
        for each, content in stored.items():
            assert (folder / "files" / each).read_bytes() == content
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    show("flipped bytes", found)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], list[Token]]:
    """Return folders with an index of tokens, by the file that has them all, and the tokens."""
    source, copies = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("copies")
    index = open_index(f"sqlite:{source / FILES[0]}")
    made = [create_token(index, tenant=f"t{number}")[0] for number in range(80)]
    copytree(source, copies / "wal")
    index.close()  # empties the WAL
    copytree(source, copies / "file")
    return {FILES[0]: copies / "file", FILES[1]: copies / "wal"}, made


def outcome(index: Engine, token: Token) -> str:
    """Look a token up; return what is found, which must be this token, or nothing."""
    try:
        found = find_token(index, token.sha256)
    except Damaged:
        return "damaged"
    assert found in {None, token}
    return "found" if found else "unknown"


@pytest.mark.parametrize("flips", [40, pytest.param(3000, marks=pytest.mark.soak)])
def test_flipped_byte_beside_tokens(
    tokens: tuple[dict[str, Path], list[Token]], tmp_path: Path, flips: int
) -> None:
    """No tenant, scope or date of a token changes: it is found as it was, or not at all."""
    good, made = tokens
    chance, found = Random(flips), Counter[str]()
    for number in range(flips):
        folder, name = tmp_path / str(number), FILES[number % 2]
        copytree(good[name], folder)
        flip(folder, chance, [name])
        try:
            index = open_index(f"sqlite:{folder / FILES[0]}")
        except (Damaged, InvalidSettings):
            found[f"{name}: not opened"] += 1
        else:
            found.update(f"{name}: {outcome(index, token)}" for token in made)
            index.close()
        rmtree(folder)
    show("flipped bytes beside tokens", found)
