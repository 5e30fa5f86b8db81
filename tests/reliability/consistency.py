"""Consistency of an index: all its methods agree with each other."""

from collections.abc import Sequence

from onecopy.content import Copy
from onecopy.digest import Digest, content_scheme
from onecopy.testing.index.complete import CompleteEngine


def check_consistency(index: CompleteEngine, tenants: Sequence[str]) -> None:
    """Raise AssertionError if two methods of the index contradict each other."""
    everything = list(index.copies())
    for tenant in tenants:
        rows = [copy for _, copy in index.copies(tenant)]
        assert sorted(rows) == sorted(copy for name, copy in everything if name == tenant)
        assert len({copy.key for copy in rows}) == len(rows)
        assert index.at(tenant, [copy.key for copy in rows]) == rows
        for digest, holding in _by_digest(rows).items():
            _check_digest(index, tenant, digest, holding)
        sizes = {copy.size for copy in rows}
        for size in sizes:
            _check_size(index, tenant, size, [copy for copy in rows if copy.size == size])
        bare = {copy.size for copy in rows if not copy.digests}
        assert index.unread_sizes(tenant, sorted(sizes)) == bare
    if hasattr(index, "check"):  # SQLite looks at its tables itself
        assert not index.check()


def _by_digest(rows: Sequence[Copy]) -> dict[Digest, list[Copy]]:
    found: dict[Digest, list[Copy]] = {}
    for copy in rows:
        for digest in copy.digests:
            found.setdefault(digest, []).append(copy)
    return found


def _check_digest(
    index: CompleteEngine, tenant: str, digest: Digest, holding: Sequence[Copy]
) -> None:
    found = [copy for _, copy in index.copies(tenant, digest=digest)]
    assert sorted(found) == sorted(holding)
    assert index.lookup(tenant, [digest]) == found[:1]
    assert found[0].digests[digest] == max(copy.digests[digest] for copy in holding)
    proved = [copy for copy in holding if copy.content_digest == digest]
    if proved:
        assert found[0] in proved, "the copy of record comes first"


def _check_size(index: CompleteEngine, tenant: str, size: int, own: Sequence[Copy]) -> None:
    bare = [copy for copy in own if not copy.digests]
    assert sorted(index.unread(tenant, size, len(own))) == sorted(bare)
    [schemes] = index.schemes(tenant, [size])
    assert content_scheme(size) in schemes
    for copy in own:
        if copy.digests and copy.content_digest is None:
            assert {digest.scheme for digest in copy.digests} <= schemes
