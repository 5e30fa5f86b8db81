"""All engines give the same results, whatever was done before."""

from collections.abc import Iterator
from contextlib import ExitStack
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import CLIENT_MD5, MD5, SHA256, SMALLEST_PART, Digest, Scheme, content_scheme
from onecopy.index.dynamodb import connections
from onecopy.index.dynamodb.index import DynamoIndex
from onecopy.index.interface import Classified
from onecopy.index.memory import MemoryIndex
from onecopy.index.sqlite import SqliteIndex
from onecopy.testing.index.complete import CompleteEngine, open_complete
from tests.index.between import AT_ONCE, TROUBLES, Between, standing_before
from tests.index.tables import new_table, url_of
from tests.standins import Standin

TENANTS = ("t", "u")
KEYS = ("a", "b", "c", "é/d")
SIZES = (1, 2, SMALLEST_PART)
# Few values, all with the same prefix, so that collisions are frequent.
DIGESTS = [
    Digest(scheme, b"12345678" + bytes([value]) * (scheme.length - 8))
    for scheme in (
        SHA256,
        MD5,
        CLIENT_MD5,
        Scheme("sha256", SMALLEST_PART),
        Scheme("md5", SMALLEST_PART),
    )
    for value in (0, 1)
]

digests = st.dictionaries(st.sampled_from(DIGESTS), st.sampled_from(Evidence), max_size=3)
Act = tuple[str, str, list[Copy]]

copies = st.builds(
    Copy,
    key=st.sampled_from(KEYS),
    size=st.sampled_from(SIZES),
    digests=digests.map(Digests.of),
    identity=st.sampled_from(("v1", "v2")),
    stored_ms=st.integers(0, 3),
    recorded_ms=st.integers(0, 3),
    storage_class=st.sampled_from(("STANDARD", "GLACIER")),
)


def acts_with(given_copies: st.SearchStrategy[Copy]) -> st.SearchStrategy[list[Act]]:
    """Return a strategy for the acts on such copies."""
    provable = given_copies.filter(lambda copy: copy.content_digest is not None)
    tenants = st.sampled_from(TENANTS)
    # Of two objects at one key in one call, who can say which one answers?
    unlike = st.lists(provable, min_size=1, max_size=3, unique_by=lambda copy: copy.key)
    some = st.lists(given_copies, min_size=1, max_size=8)
    few = st.lists(given_copies, min_size=1, max_size=3)
    return st.lists(
        st.one_of(
            st.tuples(st.just("record"), tenants, unlike),
            st.tuples(st.just("add"), tenants, some),
            st.tuples(st.just("forget"), tenants, few),
            st.tuples(st.just("classify"), tenants, few),
        ),
        min_size=1,
        max_size=15,
    )


def possible(copy: Copy) -> Copy:
    """Return a copy that can exist: contents of different sizes have different strong digests.

    Also, an object has only one proved digest of each scheme.
    """
    pairs: dict[Digest, Evidence] = {}
    schemes = set()
    for digest, evidence in copy.digests.pairs():
        if evidence is Evidence.PROVED and digest.scheme in schemes:
            continue
        schemes.add(digest.scheme)
        is_other = digest.scheme.strong and digest.scheme != content_scheme(copy.size)
        pairs[_other(digest) if is_other else digest] = evidence
    return copy._replace(digests=Digests.of(pairs))


def _other(digest: Digest) -> Digest:
    return Digest(digest.scheme, digest.value[:-1] + bytes([digest.value[-1] + 2]))


def do(index: CompleteEngine, act: str, tenant: str, given_copies: list[Copy]) -> object:
    """Carry out an act; return its result."""
    if act == "record":
        return index.record(tenant, given_copies)
    if act == "forget":
        return index.forget(tenant, given_copies)
    if act == "classify":
        assert isinstance(index, Classified)
        return index.classify(tenant, given_copies)
    return index.add((tenant, copy) for copy in given_copies)


def ask(index: CompleteEngine) -> list[object]:
    """Return the results of all queries."""
    answers: list[object] = [sorted(index.copies())]
    for tenant in TENANTS:
        answers += [
            index.at(tenant, KEYS),
            index.lookup(tenant, ASKED),
            [index.lookup(tenant, [digest]) for digest in ASKED],
            [list(index.copies(tenant, digest=digest)) for digest in ASKED],
            [sorted(index.unread(tenant, size, 10)) for size in SIZES],
        ]
    return answers


ASKED = [*DIGESTS, *map(_other, DIGESTS)]


def compare(index: CompleteEngine, given_acts: list[Act]) -> None:
    """Check that an index, emptied first, answers like the one in memory after these acts."""
    for tenant in TENANTS:
        index.forget(tenant, [copy for _, copy in index.copies(tenant)])
    memory = MemoryIndex()
    for act in given_acts:
        assert do(index, *act) == do(memory, *act)
    assert ask(index) == ask(memory)
    for tenant in TENANTS:
        asked = zip(index.schemes(tenant, SIZES), memory.schemes(tenant, SIZES), strict=True)
        for ours, needed in asked:
            # Of a size with many copies DynamoDB does not notice that the last of a kind has gone.
            assert ours >= needed if isinstance(index, DynamoIndex) else ours == needed


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)]
)
def index(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CompleteEngine]:
    """Yield one index for all examples: creating one takes longer than an example."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:{tmp_path_factory.mktemp('alike')}/index.sqlite"
        else:
            url = stack.enter_context(request.getfixturevalue("postgres").database())
        index = open_complete(url)
        stack.callback(index.close)
        yield index


@settings(max_examples=100)
@given(acts_with(copies))
def test_engines_are_alike(index: CompleteEngine, given_acts: list[Act]) -> None:
    """Whatever is recorded, added and forgotten, every engine answers like the one in memory."""
    compare(index, given_acts)
    if isinstance(index, SqliteIndex):
        assert index.check() == []


# Each example takes a second, so a failing one is shown as it is, without being minimized.
few = settings(max_examples=10, phases=[Phase.explicit, Phase.generate])


@pytest.fixture(scope="module")
def between(ministack: Standin) -> Iterator[Between]:
    """Yield a proxy in front of a server of DynamoDB."""
    with standing_before(ministack) as between:
        yield between


@pytest.fixture(scope="module")
def dynamodb(ministack: Standin, between: Between) -> Iterator[CompleteEngine]:
    """Yield one index in a table for all examples."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ministack.environment().items():
            patch.setenv(name, value)
        patch.setattr(connections, "RETRIES", AT_ONCE)
        index = open_complete(url_of(ministack, new_table(), endpoint=between.url))
        yield index
        index.close()


@few
@given(acts_with(copies.map(possible)))
def test_dynamodb_is_alike(dynamodb: CompleteEngine, given_acts: list[Act]) -> None:
    """Whatever is recorded, added and forgotten, DynamoDB answers like the index in memory."""
    compare(dynamodb, given_acts)


@few
@given(acts_with(copies.map(possible)), st.integers())
def test_dynamodb_in_trouble_is_alike(
    dynamodb: CompleteEngine, between: Between, given_acts: list[Act], seed: int
) -> None:
    """It does so, too, while requests are throttled or done by half, and answers are lost."""
    random = Random(seed)
    between.troubles = lambda: random.choice([*TROUBLES, *[None] * 28])
    try:
        compare(dynamodb, given_acts)
    finally:
        between.troubles = None
