"""The promise, P1 to P7, by number: with a folder, and with a bucket on two servers."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onecopy.confirming import Limits as ReadLimits
from onecopy.confirming import ThreadReaders, is_ranged
from onecopy.content import Content, Digests, Evidence, Listed, Verdict
from onecopy.digest import CRC64NVME, MD5, SHA256, Digest, Scheme, compose
from onecopy.errors import BadInput, InvalidSettings, InvalidTicket, Unavailable, WrongBytes
from onecopy.gate import Answer, Finish, Limits, Place, Request, bind
from onecopy.gate.confirm import Confirmer
from onecopy.index.listings import ListingEngine, Listings
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.scan import scan_by_listing
from onecopy.scan.merging import ListingStore
from onecopy.store import Object
from tests.gate.world import World, content, content_digest, crc, md5, parts_of, weak_only

VECTORS = Path(__file__).parent.parent / "vectors"
CRC_TWINS = json.loads((VECTORS / "crc64nvme.json").read_text())["twins"]
TWINS = json.loads((VECTORS / "md5-twins.json").read_text())
TWIN_A, TWIN_B = bytes.fromhex(TWINS["a"]), bytes.fromhex(TWINS["b"])
CRC_A, CRC_B = bytes.fromhex(CRC_TWINS["a"]), bytes.fromhex(CRC_TWINS["b"])
STRONG = content_digest(b"strong")
SIX = content_digest(b"sixsix")
LARGE = bytes(range(256)) * 4096 * 9  # 9 MiB: two parts


def scan(world: World, tenants: Sequence[str] = ()) -> None:
    """Scan the store of a world by listing it."""
    assert isinstance(world.index, ListingEngine)
    assert isinstance(world.store, ListingStore)
    scan_by_listing(world.index, world.store, tenants)


def raise_unavailable(*_: object) -> None:
    """Fail like an index that can't be reached."""
    raise Unavailable("the index is away")


class TestP1NoByteIsLostByAWrongDuplicate:
    def test_known_and_alive(self, world: World) -> None:
        """A content that was uploaded is a duplicate, and the copy is named."""
        assert world.check(b"bytes").verdict is Verdict.NEW
        world.upload("a/b.txt", b"bytes")
        answer = world.check(b"bytes")
        assert answer.verdict is Verdict.DUPLICATE
        assert answer.copy is not None
        assert answer.copy.key == "a/b.txt"
        assert world.check(b"Bytes").verdict is Verdict.NEW

    def test_deleted_behind_our_back(self, world: World) -> None:
        """A copy that is gone is not a duplicate, and its record is forgotten."""
        world.upload("a", b"bytes")
        world.remove("a")
        assert world.check(b"bytes").verdict is Verdict.NEW
        assert world.recorded() == {}

    def test_touched(self, world: World) -> None:
        """A copy whose identity changed is read again; if it still holds the content it counts."""
        world.upload("a", b"bytes")
        touched = world.touch("a")
        answer = world.check(b"bytes")
        assert answer.verdict is Verdict.DUPLICATE
        assert world.recorded()["a"] == answer.copy
        assert answer.copy is not None
        assert answer.copy.stored_ms == touched

    def test_other_bytes_of_the_same_size(self, world: World) -> None:
        """A copy that was overwritten is new, and the index learns what is there now."""
        world.upload("a", b"bytes")
        world.place("a", b"BYTES")
        assert world.check(b"bytes").verdict is Verdict.NEW
        assert world.recorded()["a"].content_digest == content_digest(b"BYTES")
        assert world.check(b"BYTES").verdict is Verdict.DUPLICATE

    def test_other_bytes_of_another_size(self, world: World) -> None:
        """A copy that was replaced by something longer is new, and forgotten."""
        world.upload("a", b"bytes")
        world.place("a", b"more bytes")
        assert world.check(b"bytes").verdict is Verdict.NEW
        assert world.recorded() == {}

    def test_replaced_by_a_twin(self, world: World) -> None:
        """A copy that was replaced by a file of the same MD5 is no duplicate."""
        world.upload("a", TWIN_A)
        world.place("a", TWIN_B)
        assert world.check(TWIN_A, weak=True).verdict is Verdict.NEW
        assert world.check(TWIN_B, weak=True).verdict is Verdict.DUPLICATE

    def test_crc_twins(self, world: World) -> None:
        """A file with the CRC of a stored one is no duplicate; the stored one is read once."""
        assert crc(CRC_A) == crc(CRC_B)
        world.record("a", CRC_A, Digests.proved(crc(CRC_A)))
        assert world.gate().probe([len(CRC_A)]) == [{SHA256, CRC64NVME}]
        asked = [Content(len(data), (content_digest(data), crc(data))) for data in (CRC_B, CRC_A)]
        twin, same = world.gate().check(asked)
        assert (twin.verdict, same.verdict) == (Verdict.NEW, Verdict.DUPLICATE)
        recorded = world.recorded()["a"]
        assert recorded.digests.proves(content_digest(CRC_A))
        assert recorded.digests.proves(crc(CRC_A))

    def test_replaced_by_a_crc_twin(self, world: World) -> None:
        """A copy that was replaced by a file of the same CRC is no duplicate."""
        world.record("a", CRC_A, Digests.proved(content_digest(CRC_A), crc(CRC_A)))
        world.place("a", CRC_B)
        asked = [Content(len(data), (content_digest(data), crc(data))) for data in (CRC_A, CRC_B)]
        verdicts = [answer.verdict for answer in world.gate().check(asked)]
        assert verdicts == [Verdict.NEW, Verdict.DUPLICATE]

    @pytest.mark.parametrize("evidence", Evidence)
    def test_crc_never_counts_unread(self, world: World, evidence: Evidence) -> None:
        """Whatever a tenant trusts, a CRC alone makes no duplicate, of a copy or of a list."""
        gate = world.gate(trust=["md5", "claimed"], limits=Limits(read_bytes=0))
        world.record("a", CRC_A, Digests.of([(crc(CRC_A), evidence)]))
        world.index.enlist([("default", Listed(crc(b"listed")))])
        for digests, reason in [
            ((crc(CRC_B),), "digest-needed"),
            ((content_digest(CRC_B), crc(CRC_B)), "read-limit"),
            ((content_digest(CRC_A), crc(CRC_A)), "read-limit"),
        ]:
            [answer] = gate.check([Content(len(CRC_A), digests)])
            assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, reason)
        [answer] = gate.check([Content(6, (content_digest(b"listed"), crc(b"listed")))])
        assert answer == Answer(Verdict.UNCONFIRMED, reason="listed")

    def test_crc_instead_of_md5(self, world: World) -> None:
        """Of a copy with both, a client computes the CRC; the MD5 too if the tenant trusts it."""
        world.record("a", b"bytes", Digests.proved(crc(b"bytes"), md5(b"bytes")))
        assert world.gate().probe([5, 6]) == [{SHA256, CRC64NVME}, frozenset()]
        trusting = world.gate(trust=["md5"], limits=Limits(read_bytes=0))
        assert trusting.probe([5, 6]) == [{SHA256, CRC64NVME, MD5}, frozenset()]
        digests = content_digest(b"bytes"), crc(b"bytes"), md5(b"bytes")
        [answer] = trusting.check([Content(5, digests)])
        assert answer.verdict is Verdict.DUPLICATE
        [answer] = world.gate().check([Content(5, (content_digest(b"other"),))])
        assert "compute crc64nvme as well to" in (answer.message or "")
        [answer] = world.gate().check([Content(5, digests[:2])])
        assert answer.verdict is Verdict.DUPLICATE

    def test_weak_evidence_is_read_once(self, world: World) -> None:
        """A match on MD5 is a duplicate only after the stored copy was read, once."""
        world.record("a", TWIN_A, weak_only(TWIN_A))
        assert world.check(TWIN_B, weak=True).verdict is Verdict.NEW
        assert world.recorded()["a"].content_digest == content_digest(TWIN_A)
        assert world.check(TWIN_A, weak=True).verdict is Verdict.DUPLICATE

    def test_weak_question(self, world: World) -> None:
        """With only an MD5, a client has to compute the content digest; nothing is read."""
        world.record("a", TWIN_A, weak_only(TWIN_A))
        [answer] = world.gate().check([Content(len(TWIN_A), (md5(TWIN_A),))])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-needed")
        assert world.recorded()["a"].content_digest is None

    def test_claimed_evidence_is_read_once(self, world: World) -> None:
        """A claimed digest makes no duplicate: the stored copy is read."""
        claimed = Digests.of([(content_digest(b"claim"), Evidence.CLAIMED)])
        world.record("a", b"other", claimed)
        assert world.check(b"claim").verdict is Verdict.NEW
        assert world.check(b"other").verdict is Verdict.DUPLICATE

    def test_undecided(self, world: World) -> None:
        """Digests that can't rule out each content of a size yield the schemes to compute."""
        world.upload("a", LARGE)
        world.record("b", b"bytes", weak_only(b"bytes"))
        world.record("c", b"unread", Digests())
        world.index.enlist([("default", Listed(md5(b"sixteen bytes ok"), 16))])
        plain = Digest(SHA256, hashlib.sha256(LARGE).digest())
        composite = "sha256+8388608"
        for size, digests, missing in [
            (len(LARGE), (plain,), composite),
            (len(LARGE), (md5(LARGE), plain), composite),
            (len(LARGE), (), composite),
            (5, (md5(b"other"),), "sha256"),
            (5, (), "sha256 and md5"),
            (6, (md5(b"unread"),), "sha256"),
            (6, (), "sha256"),
            (16, (), "sha256 and md5"),
            (5, (content_digest(b"other"),), "md5"),
        ]:
            [answer] = world.gate().check([Content(size, digests)])
            assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-needed")
            assert f"has {size:,} bytes" in (answer.message or "")
            also = " as well" if digests else ""
            assert f"compute {missing}{also} to" in (answer.message or "")

    def test_decided(self, world: World) -> None:
        """The content digest decides, as does any digest if no content of the size is known."""
        world.upload("a", LARGE)
        other = LARGE[:-1] + b"!"
        contents = [
            content(other),
            Content(len(LARGE) + 1, (md5(other),)),
            Content(7, ()),
            Content(0, ()),
        ]
        assert world.gate().check(contents) == [Answer(Verdict.NEW)] * len(contents)
        assert world.begin("b", other).ticket
        world.index.enlist([("default", Listed(md5(b"listed")))])
        assert world.gate().check([Content(7, (md5(b"unknown"),))]) == [Answer(Verdict.NEW)]

    def test_begun_without_digest(self, world: World) -> None:
        """An upload without its content digest begins if no content has its size, or anyway."""
        size = len(LARGE)
        assert world.gate().begin([Request("b", size)])[0].ticket
        world.upload("a", LARGE)
        [answer] = world.gate().begin([Request("c", size)])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-needed")
        assert "compute sha256+8388608 to" in (answer.message or "")
        longer, anyway = world.gate().begin(
            [Request("d", size + 1), Request("e", size, anyway=True)]
        )
        assert longer.ticket
        assert anyway.ticket

    def test_content_digests_cost_no_call(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only contents without their content digest cost a call, one for all of them."""
        world.upload("a", LARGE)
        calls: list[list[int]] = []
        schemes = world.index.schemes

        def count(tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
            calls.append(list(sizes))
            return schemes(tenant, sizes)

        gate = world.gate()
        monkeypatch.setattr(gate.index, "schemes", count)
        gate.check([content(b"new"), content(LARGE), content(b"also new", weak=True)])
        assert calls == []
        gate.check([content(b"new"), *(Content(size, (md5(b"new"),)) for size in (9, 8, 9))])
        assert calls == [[8, 9]]

    def test_trust(self, world: World) -> None:
        """Only a tenant whose policy says so takes MD5 and claims for it."""
        world.record("a", TWIN_A, weak_only(TWIN_A, Evidence.CLAIMED))
        asked = [Content(len(TWIN_A), (md5(TWIN_A),))]
        for trust in ([], ["md5"], ["claimed"]):
            assert world.gate(trust=trust).check(asked)[0].verdict is Verdict.UNCONFIRMED
        assert world.gate(trust=["md5", "claimed"]).check(asked)[0].verdict is Verdict.DUPLICATE

    def test_listed(self, world: World) -> None:
        """What a list has and no copy is unconfirmed, at any size if the list says none."""
        of_size, of_any = md5(b"bytes"), content_digest(b"other")
        world.index.enlist([("default", Listed(of_size, 5)), ("default", Listed(of_any))])
        for data in (b"bytes", b"other"):
            answer = world.check(data, weak=True)
            assert answer == Answer(Verdict.UNCONFIRMED, reason="listed")
        assert world.check(b"bytes").verdict is Verdict.NEW  # no client needed its MD5
        [answer] = world.gate().check([Content(6, (of_size, SIX))])
        assert answer.verdict is Verdict.NEW
        assert world.check(b"other", gate=world.gate("bob")).verdict is Verdict.NEW

    def test_trusted_list(self, world: World) -> None:
        """Only where the policy says so a list makes a duplicate, of MD5 only if that says so."""
        world.index.enlist([("default", Listed(md5(b"weak"))), ("default", Listed(STRONG))])
        asked = [Content(4, (md5(b"weak"),)), Content(6, (STRONG,))]
        duplicate = Answer(Verdict.DUPLICATE, reason="listed")
        unconfirmed = Answer(Verdict.UNCONFIRMED, reason="listed")
        for trust, answers in {
            (): [unconfirmed, unconfirmed],
            ("md5",): [unconfirmed, unconfirmed],
            ("claimed",): [unconfirmed, duplicate],
            ("md5", "claimed"): [duplicate, duplicate],
        }.items():
            assert world.gate(trust=trust).check(asked) == answers

    def test_listed_and_alive(self, world: World) -> None:
        """A live copy counts before a list that has its content; one that is gone does not."""
        trusting = world.gate(trust=["claimed"])
        world.index.enlist([("default", Listed(STRONG))])
        assert world.upload("a", b"strong").reason == "listed"
        assert world.upload("a", b"strong", anyway=True).verdict is Verdict.NEW
        for gate in (world.gate(), trusting):
            answer = world.check(b"strong", gate=gate)
            assert answer.verdict is Verdict.DUPLICATE
            assert answer.copy is not None
        world.remove("a")
        assert world.check(b"strong").verdict is Verdict.UNCONFIRMED
        assert world.check(b"strong", gate=trusting) == Answer(Verdict.DUPLICATE, reason="listed")

    @pytest.mark.parametrize(
        ("trust", "verdict"), [((), Verdict.NEW), (("claimed",), Verdict.DUPLICATE)]
    )
    def test_listed_in_mid_upload(
        self, world: World, trust: tuple[str, ...], verdict: Verdict
    ) -> None:
        """At completion a trusted list gives an upload up; another leaves the doubt behind it."""
        gate = world.gate(trust=trust)
        begun = gate.begin([Request("a", len(LARGE))])[0]
        assert begun.ticket is not None
        sent = world.send(begun.ticket, LARGE)
        world.index.enlist([("default", Listed(content_digest(LARGE)))])
        assert gate.complete([sent])[0].verdict is verdict
        assert world.staged() == []
        assert list(world.objects()) == ([] if trust else ["a"])

    def test_scanned_twin(self, world: World) -> None:
        """Of two files with one MD5, that in the store is found by its listing, and no other."""
        world.place("a", TWIN_A)
        scan(world)
        assert world.check(TWIN_B, weak=True).verdict is Verdict.NEW
        assert world.check(TWIN_A, weak=True).verdict is Verdict.DUPLICATE

    def test_replaced_since_the_scan(self, world: World) -> None:
        """What a listing states of an object that was replaced or removed makes no duplicate."""
        world.place("a", TWIN_A)
        world.place("b", b"gone bytes")
        scan(world)
        world.place("a", TWIN_B)
        world.remove("b")
        assert world.check(TWIN_A, weak=True).verdict is Verdict.NEW
        assert world.check(TWIN_B, weak=True).verdict is Verdict.DUPLICATE
        assert world.check(b"gone bytes", weak=True).verdict is Verdict.NEW

    @pytest.mark.parametrize("opaque", [False, True])
    def test_wrong_listing(self, world: World, opaque: bool) -> None:
        """Whatever is listed of an object, only its own bytes are a duplicate."""
        assert isinstance(world.index, Listings)
        world.place("a", b"other")
        wrong = ListedCopy("a", 5, md5(b"bytes").value, 0, opaque, 1)
        gone = wrong._replace(key="b", size=6, tag=md5(b"nobody").value)
        world.index.merge("default", EVERYTHING, [wrong, gone])
        assert world.check(b"bytes", weak=True).verdict is Verdict.NEW
        assert world.check(b"nobody", weak=True).verdict is Verdict.NEW
        assert world.check(b"other", weak=True).verdict is Verdict.DUPLICATE

    def test_scanned_and_read_in_the_background(self, world: World) -> None:
        """Of a listed copy, a file is a duplicate once it was read as a whole, and not before."""
        world.place("a", TWIN_A)
        scan(world)
        assert is_ranged(world.store)
        readers = ThreadReaders(world.index, world.store, ReadLimits())
        gate = world.gate(limits=Limits(read_bytes=0), readers=readers)
        seen: dict[bytes, list[Verdict]] = {TWIN_B: [], TWIN_A: []}
        while seen[TWIN_A][-1:] != [Verdict.DUPLICATE] and len(seen[TWIN_A]) < 1000:
            asked = [content(data, weak=True) for data in seen]
            for data, answer in zip(seen, gate.check(asked), strict=True):
                seen[data].append(answer.verdict)
            time.sleep(0.01)
        readers.close()
        assert Verdict.DUPLICATE not in seen[TWIN_B]
        assert world.recorded()["a"].digests.proves(content_digest(TWIN_A))

    def test_known_by_size_alone(self, world: World) -> None:
        """A copy without any digest is read when a file of its size is checked, and only then."""
        world.record("a", b"lazy!", Digests())
        assert world.check(b"other words").verdict is Verdict.NEW
        assert world.recorded()["a"].digests == Digests()
        assert world.check(b"lazy!").verdict is Verdict.DUPLICATE
        assert world.recorded()["a"].content_digest == content_digest(b"lazy!")

    def test_read_limit(self, world: World) -> None:
        """What may not be read any more is unconfirmed."""
        world.record("a", b"lazy!", weak_only(b"lazy!"))
        answer = world.check(b"lazy!", weak=True, gate=world.gate(limits=Limits(read_bytes=4)))
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "read-limit")

    def test_only_the_size(self, world: World) -> None:
        """A large copy in a bucket with nothing but its size in common is counted, and no doubt."""
        world.record("a", b"lazy!", Digests())
        answer = world.check(b"lazy!", gate=world.gate(limits=Limits(read_bytes=4)))
        expected = (Verdict.NEW, 1) if world.store.kind == "s3" else (Verdict.UNCONFIRMED, 0)
        assert (answer.verdict, answer.unexamined) == expected

    def test_another_copy_is_tried(self, world: World) -> None:
        """If the first copy is gone, the next live one is named."""
        world.upload("a", b"bytes")
        world.upload("b", b"bytes", anyway=True)
        world.upload("c", b"bytes", anyway=True)
        world.remove("a")
        world.place("b", b"BYTES")
        answer = world.check(b"bytes")
        assert answer.verdict is Verdict.DUPLICATE
        assert answer.copy is not None
        assert answer.copy.key == "c"

    def test_a_hundred_dead_copies(self, world: World) -> None:
        """Any number of copies that are gone is forgotten until a live one is found."""
        for number in range(100):
            world.record(f"dead/{number}", b"bytes")
            world.remove(f"dead/{number}")
        world.record("alive", b"bytes")
        answer = world.check(b"bytes")
        assert answer.verdict is Verdict.DUPLICATE
        assert set(world.recorded()) == {"alive"}

    def test_unmounted(self, world: World) -> None:
        """From a folder that is not mounted no absence is believed, and nothing is forgotten."""
        world.upload("a", b"bytes")
        world.unmount()
        answer = world.check(b"bytes")
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "store-unavailable")
        world.mount()
        assert world.check(b"bytes").verdict is Verdict.DUPLICATE

    def test_another_store(self, world: World) -> None:
        """An index is not opened with a store that is not its own, nor with an unmounted one."""
        other = world.another_store()
        with pytest.raises(Unavailable):
            bind(world.index, other)
        other.identify(create=True)
        with pytest.raises(InvalidSettings):
            bind(world.index, other)
        other.close()

    def test_size_is_part_of_the_content(self, world: World) -> None:
        """Equal digests with another size are another content."""
        world.upload("a", b"bytes")
        [answer] = world.gate().check([Content(6, (content_digest(b"bytes"),))])
        assert answer.verdict is Verdict.NEW
        assert set(world.recorded()) == {"a"}


class TestP2NobodyIsTrustedForADigest:
    def test_wrong_bytes(self, world: World) -> None:
        """Bytes that are not those of the ticket's digest are refused and not published."""
        begun = world.begin("a", b"bytes")
        assert begun.ticket is not None
        assert begun.send is not None
        with pytest.raises(WrongBytes):
            world.gate().send(begun.ticket, begun.send, lambda: iter([b"BYTES"]), 5)
        [answer] = world.gate().complete([Finish(begun.ticket)])
        missing = "upload-unknown" if world.published_by_sending(b"bytes") else "parts-missing"
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, missing)
        assert world.objects() == {}

    def test_wrong_parts(self, world: World) -> None:
        """Parts that make up another content than the ticket's are aborted."""
        begun = world.begin("a", LARGE)
        assert begun.ticket is not None
        other = LARGE[:-1] + b"!"
        [answer] = world.gate().complete([world.send(begun.ticket, other)])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-mismatch")
        assert (world.objects(), world.staged()) == ({}, [])

    @pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
    def test_proved(self, world: World, data: bytes) -> None:
        """What is recorded is what our server has hashed, and it is true."""
        answer = world.upload("a", data)
        assert answer.copy is not None
        assert answer.copy.digests[content_digest(data)] is Evidence.PROVED
        assert all(evidence is Evidence.PROVED for _, evidence in answer.copy.digests.pairs())
        small = len(data) < 8 * 1024 * 1024
        assert (md5(data) in answer.copy.digests) is small
        assert world.objects() == {"a": data}

    def test_large_without_digest(self, world: World) -> None:
        """A large upload may begin without its digest; it is known when all parts are there."""
        [begun] = world.gate().begin([Request("a", len(LARGE))])
        assert begun.ticket is not None
        [answer] = world.gate().complete([world.send(begun.ticket, LARGE)])
        assert answer.copy is not None
        assert answer.copy.content_digest == content_digest(LARGE)

    def test_parts_are_no_small_file(self, world: World) -> None:
        """A small file made of another file's part digests is another content."""
        world.upload("a", LARGE)
        digests = b"".join(hashlib.sha256(part).digest() for part in parts_of(LARGE))
        assert compose(content_digest(LARGE).scheme, [digests]) == content_digest(LARGE)
        assert world.check(digests).verdict is Verdict.NEW

    @pytest.mark.parametrize("numbers", [[], [1], [2]])
    def test_missing_parts(self, world: World, numbers: list[int]) -> None:
        """An upload of which parts are missing is not completed, whatever the caller claims."""
        begun, parts = world.begin("a", LARGE), parts_of(LARGE)
        assert begun.ticket is not None
        for number in numbers:
            world.send_part(begun.ticket, number, parts[number - 1])
        sums = tuple(hashlib.sha256(part).digest() for part in parts)
        for claimed in (sums, sums[:-1], (*sums, sums[0]), ()):
            [answer] = world.gate().complete([Finish(begun.ticket, claimed)])
            assert answer.reason == "parts-missing"
        assert world.objects() == {}
        assert world.check(LARGE).verdict is Verdict.NEW
        world.gate().complete([world.send(begun.ticket, LARGE)])
        assert world.objects() == {"a": LARGE}


class TestP3InDoubtUpload:
    def test_index_down(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        """A failing index yields `unconfirmed` with a reason; the log has the cause."""
        world.upload("a", b"bytes")
        gate = world.gate()
        world.index.close()
        [answer] = gate.check([content(b"bytes")])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "index-unavailable")
        [message] = [each.message for each in caplog.records if each.name == "onecopy.gate"]
        assert message.startswith("index-unavailable: ")

    def test_store_down(self, world: World) -> None:
        """A failing store yields `unconfirmed` only for contents that need it."""
        world.upload("a", b"bytes")
        world.unmount()
        known, unknown = world.gate().check([content(b"bytes"), content(b"new")])
        assert (known.verdict, known.reason) == (Verdict.UNCONFIRMED, "store-unavailable")
        assert unknown.verdict is Verdict.NEW
        assert world.begin("b", b"new").verdict is Verdict.UNCONFIRMED

    def test_store_raises(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A look that fails as a whole is not absence: nothing is `new` or forgotten."""
        world.upload("a", b"bytes")
        question = content(b"bytes")
        with monkeypatch.context() as patch:
            patch.setattr(world.store, "look", raise_unavailable)
            for weak in (False, True):
                answer = world.check(b"bytes", weak=weak)
                assert (answer.verdict, answer.reason) == (
                    Verdict.UNCONFIRMED,
                    "store-unavailable",
                )
            with pytest.raises(Unavailable):
                world.gate().live_copy("a")
        assert world.gate().check([question])[0].verdict is Verdict.DUPLICATE

    def test_bad_files_do_not_spoil_others(self, world: World) -> None:
        """In one request each bad file has its own answer."""
        good = content_digest(b"bytes")
        answers = world.gate().begin(
            [
                Request("../a", 5, good),
                Request("a", 5),
                Request("b", 5, md5(b"bytes")),
                Request("c", 5, good),
                Request("c", 6, content_digest(b"bytes!")),
            ]
        )
        assert [(answer.verdict.value, answer.reason) for answer in answers] == [
            ("unconfirmed", "key-invalid"),
            ("unconfirmed", "digest-needed"),
            ("unconfirmed", "digest-invalid"),
            ("new", None),
            ("new", "key-taken"),
        ]


class TestP4OneRecordNoHarm:
    def test_second_before_completion(self, world: World) -> None:
        """Of two uploads begun together the second is abandoned, and nothing is created."""
        first, second = world.begin("a", LARGE), world.begin("b", LARGE)
        assert first.ticket is not None
        assert second.ticket is not None
        sent = [world.send(ticket, LARGE) for ticket in (first.ticket, second.ticket)]
        assert world.gate().complete(sent[:1])[0].reason is None
        [late] = world.gate().complete(sent[1:])
        assert late.verdict is Verdict.DUPLICATE
        assert late.copy is not None
        assert late.copy.key == "a"
        assert (list(world.objects()), world.staged()) == (["a"], [])

    def test_second_small_one(self, world: World) -> None:
        """Where a small one is an object as soon as it is sent, the second is an extra copy."""
        tickets = [world.begin(key, b"bytes").ticket for key in "ab"]
        sent = [world.send(ticket, b"bytes") for ticket in tickets if ticket]
        world.gate().complete(sent[:1])
        [late] = world.gate().complete(sent[1:])
        if world.published_by_sending(b"bytes"):
            assert (late.verdict, late.reason) == (Verdict.NEW, "extra-copy")
            assert set(world.recorded()) == set(world.objects()) == {"a", "b"}
        else:
            assert late.verdict is Verdict.DUPLICATE
            assert set(world.recorded()) == set(world.objects()) == {"a"}

    def test_one_request(self, world: World) -> None:
        """Two uploads of one content completed in one request: one record, the other reported."""
        tickets = [world.begin(key, b"bytes").ticket for key in "ab"]
        sent = [world.send(ticket, b"bytes") for ticket in tickets if ticket]
        answers = world.gate().complete(sent)
        assert sorted(str(answer.reason) for answer in answers) == ["None", "extra-copy"]
        assert set(world.recorded()) == set(world.objects()) == {"a", "b"}

    def test_race(self, world: World) -> None:
        """Of many uploads of one content at once one becomes the copy of record."""
        keys = [f"k{number}" for number in range(16)]
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda key: world.upload(key, b"bytes"), keys))
        first = [a for a in answers if a.verdict is Verdict.NEW and a.reason is None]
        assert len(first) == 1
        assert first[0].copy is not None
        stored = {a.copy.key for a in answers if a.verdict is Verdict.NEW and a.copy}
        assert stored == set(world.objects()) == set(world.recorded())
        for answer in answers:
            if answer.verdict is Verdict.DUPLICATE and answer.copy:
                assert answer.copy.key in stored
        assert world.staged() == []

    def test_two_clients(self, folder_world: World) -> None:
        """Each of the files that two clients complete at once, in any order, is stored once."""
        gate, datas = folder_world.gate(), [b"file %d" % number for number in range(100)]
        sent: dict[str, list[Finish]] = {}
        for name, order in {"ana": datas, "ben": datas[::-1]}.items():
            begun = [
                folder_world.begin(f"{name}/{data.decode()}", data, gate=gate) for data in order
            ]
            sent[name] = [
                folder_world.send(answer.ticket or "", data, gate)
                for answer, data in zip(begun, order, strict=True)
            ]
        batches = [files[at : at + 25] for at in range(0, 100, 25) for files in sent.values()]
        with ThreadPoolExecutor(len(batches)) as pool:
            answers = [answer for done in pool.map(gate.complete, batches) for answer in done]
        said = Counter((answer.verdict, answer.reason) for answer in answers)
        assert said == {(Verdict.NEW, None): 100, (Verdict.DUPLICATE, None): 100}
        assert sorted(folder_world.objects().values()) == sorted(datas)
        assert set(folder_world.recorded()) == set(folder_world.objects())
        assert folder_world.staged() == []

    @pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
    def test_twice_at_once(self, folder_world: World, data: bytes) -> None:
        """Requests that complete the same upload at the same moment all return its copy."""
        gate = folder_world.gate()
        finish = folder_world.send(folder_world.begin("a", data).ticket or "", data, gate)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: gate.complete([finish])[0], range(8)))
        assert [(a.verdict, a.reason) for a in answers] == [(Verdict.NEW, None)] * 8
        assert {a.copy.key for a in answers if a.copy} == {"a"}

    def test_failed_completion_holds_nothing(
        self, folder_world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A completion that fails does not keep later ones of the same content waiting."""
        gate = folder_world.gate()
        finish = folder_world.send(folder_world.begin("a", b"bytes").ticket or "", b"bytes", gate)
        with monkeypatch.context() as patch:
            patch.setattr(Confirmer, "record", raise_unavailable)
            with pytest.raises(Unavailable):
                gate.complete([finish])
        assert gate.complete([finish])[0].reason is None
        assert set(folder_world.recorded()) == {"a"}

    @pytest.mark.parametrize("data", [b"bytes", LARGE, b""], ids=["small", "large", "empty"])
    def test_twice(self, world: World, data: bytes) -> None:
        """Completing twice, and after a lost answer, says the same and changes nothing."""
        begun = world.begin("a", data)
        assert begun.ticket is not None
        sent = world.send(begun.ticket, data)
        once, again = (world.gate().complete([sent])[0] for _ in range(2))
        assert once.verdict is again.verdict is Verdict.NEW
        assert once.copy is not None
        assert again.copy is not None
        assert (again.copy.key, again.copy.identity) == (once.copy.key, once.copy.identity)
        assert world.objects() == {"a": data}

    def test_twice_without_digest(self, world: World) -> None:
        """The caller's part digests find a completed upload again that began without a digest."""
        [begun] = world.gate().begin([Request("a", len(LARGE))])
        assert begun.ticket is not None
        sent = world.send(begun.ticket, LARGE)
        world.gate().complete([sent])
        assert world.gate().complete([sent])[0].verdict is Verdict.NEW
        [answer] = world.gate().complete([Finish(begun.ticket)])
        assert answer.reason == "upload-unknown"

    @pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
    def test_published_but_not_recorded(self, world: World, data: bytes) -> None:
        """A crash between publishing and recording is mended by completing again."""
        begun = world.begin("a", data)
        assert begun.ticket is not None
        sent = world.send(begun.ticket, data)
        assert isinstance(world.publish(sent, data), Object)
        assert world.recorded() == {}
        [answer] = world.gate().complete([sent])
        assert (answer.verdict, answer.reason) == (Verdict.NEW, None)
        assert set(world.recorded()) == {"a"}

    def test_published_second_but_not_recorded(self, world: World) -> None:
        """A published second upload whose answer was lost learns that it is an extra copy."""
        begun = world.begin("b", LARGE)
        assert begun.ticket is not None
        sent = world.send(begun.ticket, LARGE)
        world.upload("a", LARGE)
        assert isinstance(world.publish(sent, LARGE), Object)
        for _ in range(2):
            [answer] = world.gate().complete([sent])
            assert (answer.verdict, answer.reason) == (Verdict.NEW, "extra-copy")
        assert set(world.recorded()) == set(world.objects()) == {"a", "b"}

    def test_abandoned_and_asked_again(self, world: World) -> None:
        """A second upload that lost its answer gets `duplicate` again."""
        begun = world.begin("b", LARGE)
        assert begun.ticket is not None
        sent = world.send(begun.ticket, LARGE)
        world.upload("a", LARGE)
        for _ in range(2):
            [answer] = world.gate().complete([sent])
            assert answer.verdict is Verdict.DUPLICATE
            assert answer.copy is not None
            assert answer.copy.key == "a"

    def test_idempotency_key(self, folder_world: World) -> None:
        """A repeated begin begins the same uploads; another request begins others."""
        world, request = folder_world, Request("a", 5, content_digest(b"bytes"))
        for _ in range(2):
            world.gate().begin([request], idempotency_key="once")
        assert len(world.staged()) == 1
        tickets = [
            world.gate().begin([r], idempotency_key="once")[0].ticket
            for r in (request, request._replace(key="b"))
        ]
        for ticket in tickets:
            assert ticket is not None
            world.send(ticket, b"bytes")
        assert len(world.staged()) == 2  # "a", which was begun already, and "b"


class TestP5TenantsLearnNothingOfEachOther:
    def test_contents(self, world: World) -> None:
        """Another tenant's content is new, and its key free."""
        world.upload("a", b"bytes", gate=world.gate("alice"))
        assert world.check(b"bytes", gate=world.gate("bob")).verdict is Verdict.NEW
        assert world.gate("bob").probe([5]) == [frozenset()]
        assert world.upload("a", b"bytes", gate=world.gate("bob")).verdict is Verdict.NEW
        assert world.objects() == {"alice/a": b"bytes", "bob/a": b"bytes"}
        assert world.gate("bob").live_copy("../alice/a") is None

    def test_scanned(self, world: World) -> None:
        """What was listed for a tenant is found by that tenant alone."""
        world.place("alice/a", b"bytes")
        scan(world, ["alice", "bob"])
        assert world.gate("bob").probe([5]) == [frozenset()]
        assert world.check(b"bytes", weak=True, gate=world.gate("bob")).verdict is Verdict.NEW
        found = world.check(b"bytes", weak=True, gate=world.gate("alice"))
        assert found.verdict is Verdict.DUPLICATE
        assert world.recorded("bob") == {}

    def test_tickets(self, world: World) -> None:
        """A ticket of another tenant is no ticket at all, like a forged one."""
        begun = world.begin("a", b"bytes", gate=world.gate("alice"))
        assert begun.ticket is not None
        assert begun.send is not None
        bob = world.gate("bob")
        forged = begun.ticket[:-4] + "AAAA"
        for ticket in (begun.ticket, forged, "", "é"):
            with pytest.raises(InvalidTicket, match="not signed by this service"):
                bob.receive(ticket, 1, iter([b"bytes"]), None)
            with pytest.raises(InvalidTicket, match="not signed by this service"):
                bob.parts(ticket, [(1, bytes(32))])
            with pytest.raises(InvalidTicket, match="not signed by this service"):
                bob.status(ticket)
            with pytest.raises(InvalidTicket, match="not signed by this service"):
                bob.abort([ticket])
            assert bob.complete([Finish(ticket)])[0].reason == "ticket-invalid"

    def test_one_idempotency_key(self, folder_world: World) -> None:
        """Two tenants with the same Idempotency-Key, key and file have an upload each."""
        world, data = folder_world, b"bytes"
        alice, bob = world.gate("alice"), world.gate("bob")
        request = Request("a", len(data), content_digest(data))
        [ours] = alice.begin([request], idempotency_key="once")
        [theirs] = bob.begin([request], idempotency_key="once")
        assert ours.ticket is not None
        assert theirs.ticket is not None
        sent = world.send(ours.ticket, data, alice)
        assert bob.complete([Finish(theirs.ticket)])[0].reason == "parts-missing"
        bob.abort([theirs.ticket])
        assert alice.complete([sent])[0].copy is not None
        assert world.objects() == {"alice/a": data}


class TestP6AcknowledgedIsDurable:
    def test_reopened(self, world: World) -> None:
        """What was answered is there after reopening (kills are tried in test_kills)."""
        world.upload("a", b"bytes")
        again = world.reopened()
        assert again.check(b"bytes").verdict is Verdict.DUPLICATE
        again.close()


class TestP7TheBucketStaysTheUsers:
    def test_scanned(self, world: World) -> None:
        """Listing, looking and reading leave the store as it is."""
        world.place("a", TWIN_A)
        world.place("b", b"bytes")
        before = world.objects()
        scan(world)
        world.check(TWIN_B, weak=True)
        world.check(b"bytes", weak=True)
        assert world.objects() == before

    def test_key_taken(self, world: World) -> None:
        """A key that holds another content is `key-taken`, and stays as it is."""
        world.place("a", b"theirs")
        for data in (b"others", b"longer than theirs"):
            answer = world.upload("a", data)
            assert (answer.verdict, answer.reason) == (Verdict.NEW, "key-taken")
            assert answer.ticket is None
        assert world.objects() == {"a": b"theirs"}

    def test_key_taken_by_the_same(self, world: World) -> None:
        """A key that holds the same content is a duplicate, recorded or not, even with anyway."""
        world.place("a", b"theirs")
        for anyway in (False, True):
            answer = world.upload("a", b"theirs", anyway=anyway)
            assert answer.verdict is Verdict.DUPLICATE
        assert set(world.recorded()) == {"a"}

    @pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
    def test_placed_on_request(self, world: World, data: bytes) -> None:
        """Only a request makes another copy; it is whole, proved, and overwrites nothing."""
        world.upload("a", data)
        world.place("taken", b"theirs")
        requests = [Place(key, len(data), content_digest(data)) for key in ("b", "taken")]
        answers = world.gate().place(requests)
        if answers[0].reason == "place-unsupported":
            assert "place" not in world.gate().config().features
            assert world.objects() == {"a": data, "taken": b"theirs"}
            return
        assert [answer.reason for answer in answers] == ["placed", "key-taken"]
        assert world.objects() == {"a": data, "b": data, "taken": b"theirs"}
        assert world.recorded()["b"].content_digest == content_digest(data)
        assert world.staged() == []

    def test_large_key_taken(self, world: World) -> None:
        """Without a digest, a taken key of the same size makes the digest necessary first."""
        world.place("a", LARGE)
        [answer] = world.gate().begin([Request("a", len(LARGE))])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-needed")
        assert world.begin("a", LARGE).verdict is Verdict.DUPLICATE
        other = LARGE[:-1] + b"!"
        assert world.begin("a", other).reason == "key-taken"
        assert world.gate().begin([Request("a", len(LARGE) + 1)])[0].reason == "key-taken"

    @pytest.mark.parametrize(
        ("anyway", "said"),
        [(False, (Verdict.UNCONFIRMED, "read-limit")), (True, (Verdict.NEW, "key-taken"))],
    )
    def test_key_taken_by_what_may_not_be_read(
        self, world: World, anyway: bool, said: tuple[Verdict, str]
    ) -> None:
        """Its content is unknown; to store a content anyway, another key is needed."""
        world.place("a", LARGE)
        request = Request("a", len(LARGE), content_digest(LARGE), anyway=anyway)
        [answer] = world.gate(limits=Limits(read_bytes=4)).begin([request])
        assert (answer.verdict, answer.reason) == said

    @pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
    def test_taken_in_mid_upload(self, world: World, data: bytes) -> None:
        """A key that is taken while the bytes are sent is not overwritten."""
        begun = world.begin("a", data)
        assert begun.ticket is not None
        sent = world.send(begun.ticket, data)
        world.place("a", b"other")
        [answer] = world.gate().complete([sent])
        assert (answer.verdict, answer.reason) == (Verdict.NEW, "key-taken")
        assert (world.objects(), world.staged()) == ({"a": b"other"}, [])

    def test_abort(self, world: World) -> None:
        """Abort removes what is not completed, and never touches what is."""
        begun = world.begin("a", b"bytes")
        assert begun.ticket is not None
        sent = world.send(begun.ticket, b"bytes")
        world.gate().complete([sent])
        for _ in range(2):
            world.gate().abort([begun.ticket])
        assert world.objects() == {"a": b"bytes"}
        other = world.begin("b", LARGE)
        assert other.ticket is not None
        world.send(other.ticket, LARGE)
        world.gate().abort([other.ticket])
        assert (list(world.objects()), world.staged()) == (["a"], [])

    def test_anyway(self, world: World) -> None:
        """Who says `anyway` stores the content again, and it is recorded as an extra copy."""
        world.upload("a", b"bytes")
        assert world.upload("b", b"bytes").verdict is Verdict.DUPLICATE
        answer = world.upload("b", b"bytes", anyway=True)
        assert (answer.verdict, answer.reason) == (Verdict.NEW, "extra-copy")
        assert set(world.recorded()) == {"a", "b"}

    def test_empty(self, world: World) -> None:
        """Empty files are uploaded and not indexed."""
        assert world.upload("a", b"").verdict is Verdict.NEW
        assert world.upload("b", b"").verdict is Verdict.NEW
        assert world.upload("a", b"").verdict is Verdict.DUPLICATE
        assert world.upload("a", b"x").reason == "key-taken"
        assert world.objects() == {"a": b"", "b": b""}
        assert world.recorded() == {}


def test_status_renews(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expired ticket takes no bytes; its status renews it, with the parts that are there."""
    begun = world.begin("a", LARGE)
    assert begun.ticket is not None
    first = parts_of(LARGE)[0]
    world.send_part(begun.ticket, 1, first)

    later = time.time() + 2 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(InvalidTicket) as caught:
        world.send_part(begun.ticket, 1, first)
    assert caught.value.reason == "ticket-expired"
    status = world.gate().status(begun.ticket)
    assert [(part.number, part.size) for part in status.parts] == [(1, len(first))]
    stated = hashlib.sha256(first).digest() if world.states_parts() else b""
    assert status.parts[0].sha256 == stated
    world.send_part(status.ticket, 1, first)


def test_part_numbers(world: World) -> None:
    """There are only the parts that the size has."""
    begun = world.begin("a", LARGE)
    assert begun.ticket is not None
    for number in (0, 3):
        with pytest.raises(BadInput):
            world.gate().parts(begun.ticket, [(number, bytes(32))])
