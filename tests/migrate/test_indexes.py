"""Migration from one index into another."""

import json
import sqlite3
from pathlib import Path

import pytest

from onecopy.content import Copy, Digests
from onecopy.gate import bind
from onecopy.index.listings import Listings
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.store import open_store
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.testing.index.values import a_copy, claimed, crc_of, md5_of, proved, sha256_of
from onecopy.tokens import create_token, list_tokens, tenants_with_tokens
from tests.conftest import Run
from tests.migrate.lists import entries_of, in_order, listed


def fill(index: CompleteEngine, count: int) -> None:
    """Store copies of all kinds, and lists, of two tenants each."""
    kinds = (
        proved,
        lambda name: claimed(md5_of(name)),
        lambda _: Digests(),
        lambda name: Digests.proved(crc_of(name), md5_of(name)),
    )
    index.add(
        (tenant, a_copy(f"k{n}", kinds[n % 4](str(n)), size=n + 1))
        for tenant in ("t", "u")
        for n in range(count)
    )
    index.enlist((tenant, listed(n, n or None)) for tenant in ("u", "v") for n in range(count))


def test_all_of_it(run: Run, tmp_path: Path) -> None:
    """All copies with their evidence, and all lists, are moved; repeating it changes nothing."""
    source = open_complete(f"sqlite:{tmp_path}/a.db")
    fill(source, 3_000)
    source.close()
    for _ in range(2):
        done = run("migrate", "sqlite:a.db", "sqlite:b.db")
        assert done.code == 0, done.err
        assert "12,000 rows: 6,000 copies and 6,000 listed checksums moved" in done.out
        assert entries_of(f"sqlite:{tmp_path}/b.db") == entries_of(f"sqlite:{tmp_path}/a.db")
    assert run("index", "check", "--index", "sqlite:b.db").code == 0
    assert not list(tmp_path.glob("onecopy-migrate*"))


def test_copies_of_record(run: Run, tmp_path: Path) -> None:
    """The first recorded of many copies of one content stays the copy of record."""
    source = open_complete(f"sqlite:{tmp_path}/a.db")
    copies = [a_copy(name, proved("same")) for name in ("z", "m", "a")]
    source.record("t", copies)
    source.close()
    assert run("migrate", "sqlite:a.db", "sqlite:b.db").code == 0
    moved = open_complete(f"sqlite:{tmp_path}/b.db")
    assert [copy for _, copy in moved.copies("t", digest=sha256_of("same"))] == copies
    moved.close()


def test_what_is_there_stays(run: Run, tmp_path: Path) -> None:
    """The destination keeps its own entries, and merges what both know about one object."""
    source, other = (open_complete(f"sqlite:{tmp_path}/{name}.db") for name in "ab")
    both = a_copy("both", claimed(md5_of("x")))
    source.add([("t", both), ("t", a_copy("a", proved("a")))])
    other.add(
        [("t", a_copy("both", Digests.proved(sha256_of("x")))), ("u", a_copy("b", Digests()))]
    )
    source.close()
    other.close()
    assert run("migrate", "sqlite:a.db", "sqlite:b.db").code == 0
    entries = entries_of(f"sqlite:{tmp_path}/b.db")
    assert [entry.key for _, entry in entries if isinstance(entry, Copy)] == ["a", "both", "b"]
    [merged] = [entry for _, entry in entries if isinstance(entry, Copy) and entry.key == "both"]
    assert set(merged.digests) == {md5_of("x"), sha256_of("x")}


def test_values(run: Run, tmp_path: Path) -> None:
    """Store, capabilities and tokens are moved; the secret of the tickets and uploads are not."""
    (tmp_path / "files").mkdir()
    source, store = open_complete(f"sqlite:{tmp_path}/a.db"), open_store(str(tmp_path / "files"))
    store_id = bind(source, store)
    token, _ = create_token(source, tenant="t")
    for name in ("store-trial", "ticket-secret", "upload-1"):
        assert source.put_if(name, None, name.encode())
    source.close()
    assert run("migrate", "sqlite:a.db", "sqlite:b.db").code == 0
    moved = open_complete(f"sqlite:{tmp_path}/b.db")
    assert bind(moved, store) == store_id
    assert list(list_tokens(moved)) == [token]
    assert tenants_with_tokens(moved) == {"t"}
    assert moved.get("store-trial") == b"store-trial"
    moved.close()
    with sqlite3.connect(tmp_path / "b.db") as file:
        names = {name for (name,) in file.execute("SELECT name FROM state")}
    file.close()
    own = {f"token:{token.sha256}", "token-tenant:t"}
    assert names == {"store", "tokens", "store-trial", *own}


@pytest.mark.parametrize(("source", "destination"), [("default", "photos"), ("photos", "default")])
def test_tokens_that_exclude_each_other(
    run: Run, tmp_path: Path, source: str, destination: str
) -> None:
    """The default tenant's are not moved beside those of named ones, nor the other way round."""
    for name, tenant in (("a", source), ("b", destination)):
        index = open_complete(f"sqlite:{tmp_path}/{name}.db")
        create_token(index, tenant=tenant)
        index.close()
    done = run("migrate", "sqlite:a.db", "sqlite:b.db")
    assert done.code == 2
    assert "coexist" in done.err
    index = open_complete(f"sqlite:{tmp_path}/b.db")
    assert [token.tenant for token in list_tokens(index)] == [destination]
    index.close()


def test_tokens_are_added_to_others(run: Run, tmp_path: Path) -> None:
    """Those of the source work with the destination, beside its own."""
    for name in "ab":
        index = open_complete(f"sqlite:{tmp_path}/{name}.db")
        create_token(index, tenant=name)
        index.close()
    assert run("migrate", "sqlite:a.db", "sqlite:b.db").code == 0
    index = open_complete(f"sqlite:{tmp_path}/b.db")
    assert tenants_with_tokens(index) == {token.tenant for token in list_tokens(index)} == {*"ab"}
    index.close()


def test_another_store(run: Run, tmp_path: Path) -> None:
    """An index of another store is refused before anything is written to it."""
    for name in "ab":
        index = open_complete(f"sqlite:{tmp_path}/{name}.db")
        index.put_if("store", None, name.encode())
        index.record("t", [a_copy(name, proved(name))])
        index.close()
    done = run("migrate", "sqlite:a.db", "sqlite:b.db")
    assert done.code == 2
    assert "another store" in done.err
    assert entries_of(f"sqlite:{tmp_path}/b.db") == in_order([("t", a_copy("b", proved("b")))])


@pytest.mark.parametrize("tenant", ["", "A", "-a"])
def test_bad_tenant(run: Run, tmp_path: Path, tenant: str) -> None:
    """A list can't be moved to a tenant with an invalid name."""
    (tmp_path / "l.txt").write_text(32 * "a")
    done = run("migrate", "--tenant", tenant, "l.txt", "sqlite:b.db")
    assert done.code == 2
    assert not (tmp_path / "b.db").exists()


def test_listed_copies_are_not_moved(run: Run, tmp_path: Path) -> None:
    """They are counted and named, in a plan and in JSON, too: the next scan lists them again."""
    source = open_complete(f"sqlite:{tmp_path}/a.db")
    assert isinstance(source, Listings)
    source.record("t", [a_copy("a", proved("a"))])
    for tenant, keys in (("t", "bc"), ("u", "d")):
        copies = [ListedCopy(key, 1, b"0" * 16, 0, False, 1) for key in keys]
        source.merge(tenant, EVERYTHING, copies)
    source.close()
    note = (
        "3 listed copies are not moved: run `onecopy scan` with the destination as its index to "
        "list the store again"
    )
    assert note in run("migrate", "--plan", "sqlite:a.db", "sqlite:b.db").out.splitlines()
    plan = json.loads(run("migrate", "--plan", "--json", "sqlite:a.db", "sqlite:b.db").out)
    assert plan["notes"] == [note]
    done = run("migrate", "sqlite:a.db", "sqlite:b.db")
    assert "1 row: 1 copy moved" in done.out
    assert f"onecopy: {note}\n" in done.err
    assert json.loads(run("migrate", "--json", "sqlite:a.db", "sqlite:b.db").out)["notes"] == [note]
    assert "notes" in json.loads(run("migrate", "--json", "sqlite:b.db", "sqlite:c.db").out)
    checked = run("index", "check", "--index", "sqlite:a.db")
    assert checked.err == "onecopy: the index, with 3 listed copies, has no faults\n"
    assert (
        run("index", "check", "--index", "sqlite:b.db").err == "onecopy: the index has no faults\n"
    )
