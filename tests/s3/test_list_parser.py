"""Responses to ListObjectsV2, as services write them."""

import re
import time
from collections.abc import Callable

import pytest

from onecopy.errors import Failure
from onecopy.listing import ListedCopy
from onecopy.store.interface import LeftOut
from onecopy.store.s3 import list_parser
from onecopy.store.s3.list_entries import Entries, entries_of
from onecopy.store.s3.list_parser import Columns, parse, parse_tree
from onecopy.store.s3.xml_tree import unescape

MD5 = "9dd4e461268c8034f5c8564e155c67a6"
TIME = 1795934497
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def page(*objects: str, more: str = "<EncodingType>url</EncodingType>") -> bytes:
    """Return a response with these objects."""
    contents = "".join(f"<Contents>{each}</Contents>" for each in objects)
    text = f"<ListBucketResult {NAMESPACE}><Name>b</Name>{more}{contents}</ListBucketResult>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def item(
    key: str = "p/a", etag: str = MD5, quote: str = "&quot;", size: int = 3, more: str = ""
) -> str:
    """Return the elements of one object."""
    return (
        f"<Key>{key}</Key><LastModified>2026-11-29T06:41:37.000Z</LastModified>"
        f"<ETag>{quote}{etag}{quote}</ETag>{more}<Size>3</Size>"
    )


CLASS = "<StorageClass>GLACIER</StorageClass>"
CRC, SHA = (f"<ChecksumAlgorithm>{name}</ChecksumAlgorithm>" for name in ("CRC32", "SHA256"))
OWNER = "<Owner><ID>1</ID><DisplayName>me</DisplayName></Owner>"
RESTORE = "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus>"
ENCODED = "<EncodingType>url</EncodingType>"
FOLDER = "<CommonPrefixes><Prefix>p/x%2B/</Prefix></CommonPrefixes>"
PAGES = {
    "none": page(),
    "AWS": page(item(more=SHA + OWNER), item("p/b", more=CLASS + CRC + RESTORE)),
    "SeaweedFS": page(item(quote="&#34;"), item("p/%C3%A9/a+b", quote="&#34;")),
    "ministack": page(item(quote='"'), item("p/a%20b%2Bc", quote='"')),
    "line breaks in keys": page(item("p/multi%0Aline"), item("p/multi%250Aline")),
    "keys that are not encoded": page(item("p/a&amp;b+c%41"), item("p/é&lt;"), more=""),
    "storage classes of some": page(item(), item("p/b", more=CLASS), item("p/c")),
    "storage classes in entities": page(item(more="<StorageClass>A&amp;B&lt;</StorageClass>")),
    "empty storage classes": page(
        item(more="<StorageClass></StorageClass>"),
        item("p/b", more="<StorageClass/>"),
        item("p/c", more=CLASS),
    ),
    "checksums of some": page(item(), item("p/b", more=CRC + SHA), item("p/c", more=SHA)),
    "as many checksums as objects": page(item(), item("p/b", more=CRC + SHA)),
    "other ETags": page(
        item(etag=f"{MD5}-2"), item("p/b", etag="&amp;opaque"), item("p/c", etag="")
    ),
    "parts": page(item(etag=f"{MD5}-2"), item("p/b")),
    "entities": page(item("p/&#xe9;&#128;&#38;amp;&amp;copy;&apos;"), more=""),
    "capitals": page(item(etag=MD5.upper())),
    "folders": page(item(), more=ENCODED + FOLDER),
    "truncated": page(
        item(),
        more="<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>",
    ),
    "at its end": page(
        item(),
        more="<IsTruncated>false</IsTruncated><NextContinuationToken>a</NextContinuationToken>",
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_columns_are_what_a_parser_finds(name: str) -> None:
    """Whatever the page, reading by columns and parsing lead to the same response."""
    data = PAGES[name]
    assert parse(data) == parse_tree(data)


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_services_need_no_parser(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written as services write it is read by columns, which is three times as fast."""
    monkeypatch.setattr(list_parser, "parse_tree", None)
    parse(PAGES[name])


@pytest.mark.parametrize(
    "data",
    [
        page(item()).replace(b"<Key>p/a<", b"<Key><![CDATA[p/a]]><"),
        re.sub(rb"<(/?)(\w+)", rb"<\1s3:\2", page(item())).replace(b"xmlns=", b"xmlns:s3="),
        page(item()).replace(b"<Key>", b"<Key >"),
        page(item()).replace(b"<Contents>", b"<Contents kind='object'>"),
    ],
    ids=["CDATA", "prefixes", "a space", "attributes"],
)
def test_other_xml_is_parsed(data: bytes) -> None:
    """What is not written as expected is parsed, not missed."""
    found = entries_of(parse(data).columns, "p/")
    assert found.copies == [ListedCopy("a", 3, bytes.fromhex(MD5), 0, False, TIME)]


def test_an_object_without_etag() -> None:
    """It is listed; its tag says nothing about its content."""
    data = page(item(), re.sub("<ETag>.*</ETag>", "", item("p/b")))
    [first, second] = entries_of(parse(data).columns, "p/").copies
    assert (first.is_opaque, second.is_opaque) == (False, True)
    assert parse(data).columns.etags == [MD5, ""]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not XML"),
        (b"<html><p>Sign in</html>", "not XML"),
        (b"<html/>", "not a listing"),
        (page(item()).replace(b"</ListBucketResult>", b""), "not XML"),
        (page(more="<IsTruncated>true</IsTruncated>"), "cut short"),
        (page("<Key>a</Key>"), "without its 'Size'"),
        (page(item()).replace(b"<Size>3<", b"<Size>x<"), "invalid"),
        (page(item()).replace(b"2026-11-29T", b""), "invalid value"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type"),
    ],
)
def test_refuses_what_is_no_listing(data: bytes, why: str) -> None:
    """An answer that is cut or is no listing is an error, never an empty bucket."""
    with pytest.raises(Failure, match=why):
        parse(data)


def test_states_the_checksums_of_each_object() -> None:
    """Names belong to their own object, even if there are as many names as objects."""
    columns = parse(PAGES["as many checksums as objects"]).columns
    assert columns.checksums == ["", "CRC32 SHA256"]
    assert parse(PAGES["AWS"]).columns.storage_classes == ["STANDARD", "GLACIER"]
    assert parse(page(item(more=CRC + SHA))).columns.checksums == ["CRC32 SHA256"]


def test_a_storage_class_that_is_quoted() -> None:
    """It is not taken for one that is not stated."""
    data = page(item(more=CLASS.replace("GLACIER", "<![CDATA[GLACIER]]>")))
    assert parse(data).columns.storage_classes == ["GLACIER"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("06:41:37.000Z", 0), ("07:41:37+01:00", 0), ("06:41:37", 0), ("06:41:38Z", 1)],
)
def test_times(monkeypatch: pytest.MonkeyPatch, written: str, seconds: int) -> None:
    """They are in UTC unless they state another zone, wherever the program runs."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        data = page(item()).replace(b"06:41:37.000Z", written.encode())
        assert parse(data).columns.modified == [TIME + seconds]
    time.tzset()


def test_keys_with_space_around_them_or_other_bytes() -> None:
    """They remain as they are."""
    assert parse(page(item("p/a%20"), item("p/+b"))).columns.keys == ["p/a ", "p/ b"]
    assert parse(page(item("p/a+"))).columns.keys == ["p/a "]
    other = page(item()).replace(b"p/a", b"p/\xff")
    assert parse(other).columns.keys == ["p/\udcff"]


def test_decodes_keys() -> None:
    """Encoded keys are decoded once, and others are left as they are."""
    assert [parse(PAGES[name]).columns.keys for name in ("SeaweedFS", "ministack")] == [
        ["p/a", "p/é/a b"],
        ["p/a", "p/a b+c"],
    ]
    assert parse(PAGES["line breaks in keys"]).columns.keys == ["p/multi\nline", "p/multi%0Aline"]
    assert parse(PAGES["keys that are not encoded"]).columns.keys == ["p/a&b+c%41", "p/é<"]
    assert parse(PAGES["entities"]).columns.keys == ["p/é\x80&amp;&copy;'"]
    assert parse(PAGES["truncated"]).token == "a&b"
    assert parse(PAGES["at its end"]).token is None
    assert parse(PAGES["folders"]).folders == ["p/x+/"]


def test_characters_by_number() -> None:
    """Numbers that are no characters remain as they are."""
    text = "&#x10ffff;&#65;&#x110000;&#9999999;"
    assert unescape(text) == "\U0010ffffA&#x110000;&#9999999;"


class TestEntries:
    """Copies, and what is left out."""

    def entries(self, *keys: str, etag: str = MD5, size: int = 3) -> Entries:
        count = len(keys)
        sizes, etags, times = [size] * count, [etag] * count, [TIME] * count
        columns = Columns(list(keys), sizes, etags, times, ["STANDARD"] * count, [""] * count)
        return entries_of(columns, "p/")

    @pytest.mark.parametrize(
        ("etag", "size", "expected"),
        [
            (MD5, 3, (0, False)),
            (f"{MD5}-2", 16 * 1024 * 1024, (2, False)),
            (f"{MD5}-1", 3, (1, False)),
            (f"{MD5}-2", 3, (2, True)),
            (f"{MD5}-99999", 3, (99999, True)),
        ],
    )
    def test_tags_are_md5s(self, etag: str, size: int, expected: tuple[int, bool]) -> None:
        """The MD5 in an ETag is the tag; it is opaque if no part size leads to its parts."""
        [copy] = self.entries("p/a", etag=etag, size=size).copies
        assert copy.tag == bytes.fromhex(MD5)
        assert (copy.parts, copy.is_opaque) == expected

    @pytest.mark.parametrize(
        "etag",
        ["", "x", MD5.upper(), f"{MD5}-0", f"{MD5}0", MD5[:-1] + "g", "X" * 32, "\udcff"],
    )
    def test_other_etags_are_opaque(self, etag: str) -> None:
        """Their tag changes with them, and is no MD5."""
        [copy] = self.entries("p/a", etag=etag).copies
        assert (len(copy.tag), copy.parts, copy.is_opaque) == (16, 0, True)
        assert copy.tag != bytes.fromhex(MD5)

    def test_names_what_cannot_be_recorded(self) -> None:
        """Our own records are not mentioned; those of other stores and odd keys are named."""
        found = self.entries(
            "p/", "p/.onecopy/store.json", "p/a//b", "p/b/.onecopy/x", f"p/{'é' * 600}", "p/z\0"
        )
        assert [copy.key for copy in found.copies] == ["a//b"]
        assert found.left_out == [
            LeftOut("", "key-invalid"),
            LeftOut("b/.onecopy/x", "reserved"),
            LeftOut("é" * 600, "key-invalid"),
            LeftOut("z\0", "key-invalid"),
        ]

    @pytest.mark.parametrize(
        ("key", "reason"),
        [
            ("", "key-invalid"),
            ("z\0", "key-invalid"),
            ("é" * 600, "key-invalid"),
            ("a" * 1025, "key-invalid"),
            ("b/.OneCopy/x", "reserved"),
        ],
    )
    def test_names_it_on_a_page_of_its_own(self, key: str, reason: str) -> None:
        """The quick look at a whole page sees it too."""
        found = self.entries(f"p/{key}")
        assert (found.copies, found.left_out) == ([], [LeftOut(key, reason)])

    def test_counts_an_empty_object(self) -> None:
        """Among others, or alone."""
        found = self.entries("p/a", size=0)
        assert (found.copies, found.empty) == ([], ["a"])

    def test_counts_empty_objects(self) -> None:
        """Folders that a console made are empty objects, as is the prefix itself."""
        found = self.entries("p/", "p/a", "p/b/", size=0)
        assert (found.copies, found.left_out, found.empty) == ([], [], ["", "a", "b/"])

    def test_names_what_is_not_below_the_prefix(self) -> None:
        """Some services list other keys than the objects have; the rest is unaffected."""
        found = self.entries("p/a", "q//c", "p/b")
        assert (found.keys, [copy.key for copy in found.copies]) == (["a", "b"], ["a", "b"])
        assert found.strayed == [LeftOut("q//c", "key-changed")]
        assert self.entries("p/a").strayed == []


@pytest.mark.parametrize("read", [parse, parse_tree])
def test_storage_classes(read: Callable[[bytes], list_parser.ListResponse]) -> None:
    """A class is the text that a HeadObject states, and STANDARD if it is empty."""
    empty = read(PAGES["empty storage classes"]).columns.storage_classes
    assert empty == ["STANDARD", "STANDARD", "GLACIER"]
    assert read(PAGES["storage classes in entities"]).columns.storage_classes == ["A&B<"]
