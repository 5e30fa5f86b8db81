"""A real index and a real store to try the gate on, with somebody who meddles with the store.

`World` has a folder; `tests.gate.bucket` has one with a bucket.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onecopy.confirming import Readers
from onecopy.content import Content, Copy, Digests, Evidence
from onecopy.digest import (
    CRC64NVME,
    MD5,
    SHA256,
    Digest,
    compose,
    content_scheme,
    hash_stream,
    part_lengths,
)
from onecopy.gate import Answer, Finish, Limits, LocalGate, Request, bind, ticket_secrets
from onecopy.gate.leases import ContentLeases
from onecopy.patterns import TRASH, Patterns
from onecopy.recorder import Recorder
from onecopy.store import Object, Store, Upload, open_store
from onecopy.store.interface import Body, Completing, KeyTaken
from onecopy.tenant import Tenant
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.tickets import Tickets

_LIMITS = Limits(read_seconds=60)
"""A busy machine must not be the reason why a copy is not read."""


def parts_of(data: bytes) -> list[bytes]:
    """Cut a content into the parts in which it is sent."""
    at, parts = 0, []
    for length in part_lengths(len(data)):
        parts.append(data[at : at + length])
        at += length
    return parts


def content_digest(data: bytes) -> Digest:
    """Compute the content digest the slow and plain way."""
    scheme = content_scheme(len(data))
    if scheme.part_size is None:
        return Digest(SHA256, hashlib.sha256(data).digest())
    return compose(scheme, [hashlib.sha256(part).digest() for part in parts_of(data)])


def md5(data: bytes) -> Digest:
    """Compute the MD5 of a content."""
    return Digest(MD5, hashlib.md5(data, usedforsecurity=False).digest())


def content(data: bytes, *, weak: bool = False) -> Content:
    """Describe a content as a client does; `weak` adds its MD5."""
    return Content(len(data), (content_digest(data), *([md5(data)] if weak else [])))


def crc(data: bytes) -> Digest:
    """Compute the CRC of a content."""
    return hash_stream([data], len(data), [CRC64NVME]).digests[0]


@dataclass
class World:
    """An index and a store below `root`, and the actual contents of the store."""

    root: Path
    index: CompleteEngine
    store: Store

    @staticmethod
    def at(root: Path, index_url: str = "") -> "World":
        """Open index and folder below `root`, bound to each other."""
        (root / "files").mkdir(parents=True, exist_ok=True)
        index = open_complete(index_url or f"sqlite:{root}/index.sqlite")
        store = open_store(str(root / "files"))
        bind(index, store)
        return World(root, index, store)

    def gate(
        self,
        tenant: str = "default",
        *,
        trust: Sequence[str] = (),
        limits: Limits = _LIMITS,
        trash: Sequence[str] = TRASH,
        readers: Readers | None = None,
        recorder: Recorder | None = None,
        leases: ContentLeases | None = None,
    ) -> LocalGate:
        """Return the gate of a tenant."""
        return LocalGate(
            self.index,
            self.store,
            Tenant(tenant, frozenset(trust)),
            secrets=ticket_secrets(self.index),
            limits=limits,
            trash=Patterns(trash),
            readers=readers,
            recorder=recorder,
            leases=leases,
        )

    def begin(
        self, key: str, data: bytes, *, anyway: bool = False, gate: LocalGate | None = None
    ) -> Answer:
        """Begin an upload of a content with its digest."""
        request = Request(key, len(data), content_digest(data), anyway=anyway)
        return (gate or self.gate()).begin([request])[0]

    def send(self, ticket: str, data: bytes, gate: LocalGate | None = None) -> Finish:
        """Send all parts, and return what completes the upload."""
        parts = enumerate(parts_of(data), 1)
        return Finish(ticket, tuple(self.send_part(ticket, *part, gate) for part in parts))

    def send_part(
        self, ticket: str, number: int, part: bytes, gate: LocalGate | None = None
    ) -> bytes:
        """Send one part, and return its SHA-256."""
        gate = gate or self.gate()
        sha256 = hashlib.sha256(part).digest()
        [send] = gate.parts(ticket, [(number, sha256)])
        gate.send(ticket, send, _body(part), len(part))
        return sha256

    def upload(
        self, key: str, data: bytes, *, anyway: bool = False, gate: LocalGate | None = None
    ) -> Answer:
        """Go the whole way; stops where the gate does."""
        gate = gate or self.gate()
        begun = self.begin(key, data, anyway=anyway, gate=gate)
        if begun.ticket is None:
            return begun
        return gate.complete([self.send(begun.ticket, data, gate)])[0]

    def upload_of(self, ticket: str, tenant: str = "default") -> Upload:
        """Return the upload of a ticket as the store knows it."""
        bound = Tickets(ticket_secrets(self.index), tenant).read(ticket)
        return bound.upload(Tenant(tenant).prefix)

    def publish(self, finish: Finish, data: bytes) -> Object | KeyTaken | Completing:
        """Complete an upload in the store alone, as a process does that dies before it records."""
        upload = self.upload_of(finish.ticket)
        return self.store.complete(upload, content_digest(data), finish.parts)

    def check(self, data: bytes, *, weak: bool = False, gate: LocalGate | None = None) -> Answer:
        """Ask for the verdict on a content."""
        return (gate or self.gate()).check([content(data, weak=weak)])[0]

    def path(self, key: str) -> Path:
        """Where an object is stored."""
        return self.root / "files" / key

    def place(self, key: str, data: bytes) -> None:
        """Put an object into the folder behind our back, or replace it by a new one."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name + "~").write_bytes(data)
        path.with_name(path.name + "~").replace(path)

    def read(self, key: str) -> bytes:
        """Read an object with nothing of ours."""
        return self.path(key).read_bytes()

    def remove(self, key: str) -> None:
        """Delete an object behind our back."""
        self.path(key).unlink()

    def touch(self, key: str) -> int:
        """Make an object look new with the same bytes; return its time in ms since 1970."""
        os.utime(self.path(key), (1, 1))
        return 1000

    def record(
        self, key: str, data: bytes, digests: Digests | None = None, tenant: str = "default"
    ) -> Copy:
        """Put an object into the store and its record into the index."""
        full = Tenant(tenant).prefix + key
        self.place(full, data)
        seen = self.store.look([full])[0]
        assert isinstance(seen, Object)
        known = Digests.proved(content_digest(data), md5(data)) if digests is None else digests
        copy = Copy(key, len(data), known, seen.identity, seen.stored_ms, 1)
        self.index.add([(tenant, copy)])
        return copy

    def unmount(self) -> None:
        """Make the folder look as it does when its file system is not mounted."""
        (self.root / "files").rename(self.root / "away")
        (self.root / "files").mkdir()

    def mount(self) -> None:
        """Bring it back."""
        (self.root / "files").rmdir()
        (self.root / "away").rename(self.root / "files")

    def objects(self) -> dict[str, bytes]:
        """Return the actual contents of the folder, read with none of our code."""
        top = self.root / "files"
        return {
            str(path.relative_to(top)): path.read_bytes()
            for path in sorted(top.rglob("*"))
            if path.is_file() and ".onecopy" not in path.relative_to(top).parts
        }

    def staged(self) -> list[str]:
        """Return the ids of the uploads that still hold staging."""
        staging = self.root / "files" / ".onecopy" / "uploads"
        return sorted({path.name[:32] for path in staging.iterdir()}) if staging.exists() else []

    def recorded(self, tenant: str = "default") -> dict[str, Copy]:
        """Return all records of a tenant by key."""
        return {copy.key: copy for _, copy in self.index.copies(tenant)}

    def published_by_sending(self, data: bytes) -> bool:
        """Whether a content is an object as soon as it is sent: what is second stays, then."""
        return False

    def states_parts(self) -> bool:
        """Whether the store states the SHA-256 of the parts that it has."""
        return True

    def another_store(self) -> Store:
        """Return another store in the same place, without an id."""
        (self.root / "other").mkdir()
        return open_store(str(self.root / "other"))

    def reopened(self) -> "World":
        """Close all and open it again."""
        self.close()
        return World.at(self.root)

    def close(self) -> None:
        """Close index and store."""
        self.index.close()
        self.store.close()


def weak_only(data: bytes, evidence: Evidence = Evidence.PROVED) -> Digests:
    """Return the digests of a copy of which only the MD5 is known."""
    return Digests.of([(md5(data), evidence)])


def _body(part: bytes) -> Body:
    return lambda: iter([part])
