"""All engines give the same answers to the same questions, whatever was done before."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import MD5, SHA256, SMALLEST_PART, Digest, Scheme
from onecopy.index import Engine, open_index
from onecopy.index.memory import MemoryIndex
from onecopy.index.sqlite import SqliteIndex

TENANTS = ("t", "u")
KEYS = ("a", "b", "c", "é/d")
SIZES = (1, 2, SMALLEST_PART)
# Few values, and all begin alike: so that everything meets everything.
DIGESTS = [
    Digest(scheme, b"12345678" + bytes([value]) * (scheme.length - 8))
    for scheme in (SHA256, MD5, Scheme("sha256", SMALLEST_PART), Scheme("md5", SMALLEST_PART))
    for value in (0, 1)
]

digests = st.dictionaries(st.sampled_from(DIGESTS), st.sampled_from(Evidence), max_size=3)
copies = st.builds(
    Copy,
    key=st.sampled_from(KEYS),
    size=st.sampled_from(SIZES),
    digests=digests.map(Digests.of),
    identity=st.sampled_from(("v1", "v2")),
    stored_at=st.integers(0, 3),
    recorded_at=st.integers(0, 3),
)
provable = copies.filter(lambda copy: copy.content_digest is not None)
tenants = st.sampled_from(TENANTS)
acts = st.lists(
    st.one_of(
        st.tuples(
            st.just("record"),
            tenants,
            # Of two objects at one key in one call, who can say which one answers?
            st.lists(provable, min_size=1, max_size=3, unique_by=lambda copy: copy.key),
        ),
        st.tuples(st.just("add"), tenants, st.lists(copies, min_size=1, max_size=8)),
        st.tuples(st.just("forget"), tenants, st.lists(copies, min_size=1, max_size=3)),
    ),
    min_size=1,
    max_size=15,
)


def do(index: Engine, act: str, tenant: str, given_copies: list[Copy]) -> object:
    """Do one of the acts, and return what came of it."""
    if act == "record":
        return index.record(tenant, given_copies)
    if act == "forget":
        return index.forget(tenant, given_copies)
    return index.add((tenant, copy) for copy in given_copies)


def ask(index: Engine) -> list[object]:
    """Return all that an index can say."""
    answers: list[object] = [sorted(index.copies())]
    for tenant in TENANTS:
        answers += [
            index.at(tenant, KEYS),
            index.schemes(tenant, SIZES),
            index.lookup(tenant, DIGESTS),
            [index.lookup(tenant, [digest]) for digest in DIGESTS],
            [list(index.copies(tenant, digest=digest)) for digest in DIGESTS],
            [sorted(index.unread(tenant, size, 10)) for size in SIZES],
        ]
    return answers


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)]
)
def index(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """Yield one index for all examples: making one takes longer than an example."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:{tmp_path_factory.mktemp('alike')}/index.sqlite"
        else:
            url = stack.enter_context(request.getfixturevalue("postgres").database())
        index = open_index(url)
        stack.callback(index.close)
        yield index


@settings(max_examples=100, deadline=None)
@given(acts)
def test_engines_are_alike(index: Engine, given_acts: list[tuple[str, str, list[Copy]]]) -> None:
    """Whatever is recorded, added and forgotten, each answers as the one in memory does."""
    for tenant in TENANTS:
        index.forget(tenant, [copy for _, copy in index.copies(tenant)])
    memory = MemoryIndex()
    for act in given_acts:
        assert do(index, *act) == do(memory, *act)
    assert ask(index) == ask(memory)
    if isinstance(index, SqliteIndex):
        assert index.check() == []
