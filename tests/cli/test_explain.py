"""`onecopy check --explain`."""

import hashlib
import json
from contextlib import closing
from pathlib import Path

import pytest

from onecopy.index.listings import Listings
from onecopy.listing import ListedCopy, Span
from onecopy.testing.index.complete import open_complete
from tests.conftest import Run, backends
from tests.standins import Standin
from tests.upload.conftest import noise, write

A, B, NEW = noise(5000), noise(7000), noise(5000)[::-1]


@pytest.fixture
def known(run: Run, tmp_path: Path) -> Path:
    """Record a file, and list another as a bucket would; return the folder for files to check."""
    write(tmp_path / "files" / "a", A)
    assert run("scan", "--read", *backends(tmp_path)).code == 0
    write(tmp_path / "files" / "b", B)
    tag = hashlib.md5(B).digest()
    with closing(open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        assert isinstance(index, Listings)
        index.merge("default", Span("a"), [ListedCopy("b", len(B), tag, 0, False, 1)])
    return tmp_path / "checked"


def test_a_recorded_copy_as_text(run: Run, tmp_path: Path, known: Path) -> None:
    """The size, the digests, the copy with its evidence, the cost, and the reason."""
    done = run("check", "--explain", *backends(tmp_path), write(known / "x", A))
    assert done.code == 1
    verdict, size, digests, copy, cost, so = done.out.splitlines()
    assert verdict.startswith(f"{known / 'x'}: already stored: a, since ")
    assert size == "  size: 5,000 bytes; copies of this size are known, by sha256"
    assert digests == f"  digests: sha256:{hashlib.sha256(A).hexdigest()}"
    assert copy.startswith("  a: recorded 20")
    assert "; looked at: there; sha256 (proved) matches; md5 (proved) was not computed" in copy
    assert cost == "  cost: 1 look, 0 reads (0 bytes)"
    assert "a was just seen in the store" in so
    assert "0 new, 1 already stored" in done.err


def test_a_listed_copy_as_json(run: Run, tmp_path: Path, known: Path) -> None:
    """The copy was listed with this ETag, and was looked at; the other fields stay."""
    done = run("check", "--explain", "--json", *backends(tmp_path), write(known / "x", B))
    values = json.loads(done.out)
    assert (values["verdict"], values["copy"]["key"]) == ("duplicate", "b")
    explanation = values["explanation"]
    assert (explanation["listed"], explanation["opaque"]) == (1, 0)
    assert explanation["schemes"] == ["md5", "sha256"]
    [copy] = explanation["considered"]
    assert (copy["key"], copy["known"], copy["tag"]) == ("b", "listed", "ETag matches")
    assert (copy["seen"], copy["in_trash"]) == ("looked at: there", False)
    assert {"scheme": "sha256", "evidence": "proved", "compared": "matches"} in copy["digests"]
    assert explanation["looks"] >= 1
    assert explanation["cost_usd"] is None
    assert "b was just seen in the store" in explanation["conclusion"]


def test_new_files(run: Run, tmp_path: Path, known: Path) -> None:
    """A size that nothing has needs no reading; digests rule out the copies of another."""
    files = [write(known / "x", b"12345"), write(known / "y", NEW), write(known / "z", b"")]
    done = run("check", "--explain", *backends(tmp_path), *files)
    assert done.code == 0
    assert "  size: 5 bytes; no copy of this size is known" in done.out
    reasons = [line for line in done.out.splitlines() if line.startswith("  so: ")]
    assert reasons == [
        "  so: it was not read, because no copy has its size",
        "  so: its digests rule out every copy of its size",
        "  so: it is empty",
    ]


def test_a_copy_that_differs(run: Run, tmp_path: Path, known: Path) -> None:
    """A listed ETag that differs rules the copy out; it is not looked at."""
    done = run("check", "--explain", *backends(tmp_path), write(known / "x", B[::-1]))
    assert "1 copy known from a listing alone, 0 of them opaque" in done.out
    assert "cost: 0 looks, 0 reads" in done.out
    assert "so: its digests rule out every copy of its size" in done.out


def test_left_out_and_missing_files(run: Run, tmp_path: Path, known: Path) -> None:
    """Nothing was decided about them, so nothing is explained; the exit code is that of a check."""
    done = run("check", "--explain", "--json", *backends(tmp_path), known / "absent")
    assert done.code == 2
    assert json.loads(done.out)["explanation"] is None


def test_a_service_explains_nothing(run: Run, tmp_path: Path) -> None:
    """It says what to name instead."""
    file = write(tmp_path / "x", A)
    done = run("check", "--explain", "--server", "http://127.0.0.1:9", file)
    assert done.code == 2
    assert "name its index and store with --index and --store" in done.err


@pytest.mark.server
@pytest.mark.parametrize("server", ["seaweedfs", "ministack"])
def test_a_listed_bucket(
    run: Run, tmp_path: Path, server: str, request: pytest.FixtureRequest
) -> None:
    """After a listing, equal objects are likely duplicates, and a renamed file is explained."""
    standin: Standin = request.getfixturevalue(server)
    bucket, client = standin.bucket(), standin.client()
    for key, data in {"a": A, "b": A, "c": A, "d": B}.items():
        client.put_object(Bucket=bucket, Key=key, Body=data)
    where = ("--index", f"sqlite:{tmp_path}/i.sqlite", "--store", standin.store_url(bucket, ""))
    env = standin.environment()
    assert run("scan", *where, **env).code == 0
    report = json.loads(run("report", "--json", *where, **env).out)
    assert (report["stored"], report["objects"], report["weak"]) == (4, 0, 4)
    sizes = (report["stored_bytes"], report["bytes"], report["weak_bytes"])
    assert sizes == (22_000, 0, 22_000)
    assert (report["likely_duplicates"], report["likely_wasted_bytes"]) == (2, 10_000)
    assert report["likely_top"][0]["keys"] == ["a", "b", "c"]
    assert report["requests_cost_usd"] > 0
    done = run("check", "--explain", "--json", *where, write(tmp_path / "renamed", A), **env)
    values = json.loads(done.out)
    assert values["verdict"] == "duplicate"
    explanation = values["explanation"]
    assert explanation["listed"] == 3
    assert {copy["known"] for copy in explanation["considered"]} == {"listed"}
    assert explanation["reads"] >= 1
    assert explanation["cost_usd"] > 0
    after = json.loads(run("report", "--json", *where, **env).out)
    assert (after["stored"], after["objects"], after["likely_duplicates"]) == (4, 1, 2)
    assert after["likely_top"][0]["keys"] == ["a", "b", "c"]
    assert run("scan", "--read", "missing", *where, **env).code == 0
    certain = json.loads(run("report", "--json", *where, **env).out)
    assert (certain["objects"], certain["duplicates"], certain["weak"]) == (4, 2, 0)
    assert certain["bytes_to_read"] == 0


def test_storage_classes(run: Run, tmp_path: Path, known: Path) -> None:
    """The class of a copy that is listed or recorded is shown if it is not STANDARD."""
    where = [*backends(tmp_path), write(known / "x", B)]
    with closing(open_complete(f"sqlite:{tmp_path / 'index.sqlite'}")) as index:
        assert isinstance(index, Listings)
        [listed] = index.listed_copies("default")
        index.merge("default", Span("a"), [listed._replace(storage_class="GLACIER_IR")])
    as_text = run("check", "--explain", *where).out
    assert "  b: listed in GLACIER_IR, ETag matches; " in as_text
