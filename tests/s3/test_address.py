"""The URL of a bucket."""

import sys

import pytest

from onecopy.errors import InvalidSettings
from onecopy.store.s3 import names_server, open_url
from onecopy.store.s3.address import Address, is_amazons

OPTIONS = {
    "endpoint": "http://host:1",
    "public_endpoint": "https://host",
    "region": "eu-west-1",
    "profile": "own",
    "addressing": "virtual",
    "storage_class": "STANDARD_IA",
    "sse": "aws:kms",
    "sse_key": "alias/own",
}


def test_everything_is_read() -> None:
    """Bucket, prefix and each option."""
    query = "&".join(f"{name}={value}" for name, value in OPTIONS.items())
    assert Address.parse(f"s3://some-bucket/a/b%20c/?{query}") == Address(
        "some-bucket", "a/b c/", **OPTIONS
    )
    assert Address.parse("s3://some-bucket") == Address("some-bucket")
    assert Address.parse("s3://some-bucket/").prefix == ""


def test_a_key_means_encryption_by_kms() -> None:
    """What is named beside it stays."""
    assert Address.parse("s3://some-bucket?sse_key=k").sse == "aws:kms"
    assert Address.parse("s3://some-bucket?sse_key=k&sse=aws:kms:dsse").sse == "aws:kms:dsse"
    assert Address.parse("s3://some-bucket").sse is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://some-bucket", "invalid bucket 'http://some-bucket'"),
        ("s3://some-bucket/#a", "invalid bucket"),
        ("s3://ab", "3 to 255 of"),
        ("s3://-ab", "invalid bucket"),
        ("s3://some bucket", "invalid bucket"),
        ("s3://some-bucket?addressing=other", "invalid addressing 'other'"),
        ("s3://some-bucket?endpoint=host", "invalid endpoint 'host'"),
        ("s3://some-bucket?public_endpoint=host", "invalid public_endpoint 'host'"),
        ("s3://some-bucket?colour=red", "unknown option colour; the options are endpoint"),
        ("s3://some-bucket/a//b", "invalid prefix in the bucket's URL: "),
        ("s3://some-bucket/../b", "invalid prefix in the bucket's URL: "),
    ],
)
def test_refused(url: str, why: str) -> None:
    """The message names what is invalid."""
    with pytest.raises(InvalidSettings, match=why):
        Address.parse(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://some-bucket/a/?region=x&profile=p", "s3://some-bucket/a"),
        ("s3://some-bucket/", "s3://some-bucket"),
        ("s3://some-bucket?endpoint=http://h:1", "s3://some-bucket?endpoint=http%3A%2F%2Fh%3A1"),
        ("s3://some-bucket?endpoint=https://s3.eu-west-1.amazonaws.com", "s3://some-bucket"),
    ],
)
def test_shown(url: str, shown: str) -> None:
    """Only what distinguishes buckets is shown."""
    assert Address.parse(url).url == shown


def test_requests() -> None:
    """Keys and prefixes are below the store's own."""
    address = Address("b", "p/")
    assert address.place("a") == {"Bucket": "b", "Key": "p/a"}
    assert address.below() == {"Bucket": "b", "Prefix": "p/"}
    assert address.below("a/") == {"Bucket": "b", "Prefix": "p/a/"}


def test_headers_of_new_objects() -> None:
    """Those that are given, by the names of S3."""
    assert Address("b").object_headers == {}
    address = Address("b", storage_class="STANDARD_IA", sse="aws:kms", sse_key="k")
    assert address.object_headers == {
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "k",
    }


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://s3.eu-west-1.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://amazonaws.com.example.org", False),
        ("http://127.0.0.1:9000", False),
        ("nothing", False),
    ],
)
def test_amazons(endpoint: str, expected: bool) -> None:
    """By its host."""
    assert is_amazons(endpoint) is expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [("", False), ("?endpoint=http://h", True), ("?public_endpoint=http://h", True)],
)
def test_names_server(options: str, expected: bool) -> None:
    """An endpoint for us, or for clients."""
    assert names_server(f"s3://some-bucket{options}") is expected


def test_without_the_packages_for_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to install them."""
    monkeypatch.setitem(sys.modules, "onecopy.store.s3.store", None)
    with pytest.raises(InvalidSettings, match=r"needs the package .*'onecopy\[aws\]'"):
        open_url("s3://some-bucket")
