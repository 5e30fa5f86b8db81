"""Spans of a bucket whose service lists by the bytes of keys, or by folders."""

from collections.abc import Callable, Sequence
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecopy.errors import Failure
from onecopy.listing import EVERYTHING, Span
from onecopy.store.interface import LeftOut
from onecopy.store.listings import Page
from onecopy.store.s3 import span_listing
from onecopy.store.s3.key_order import Order
from onecopy.store.s3.list_objects import ListClient
from onecopy.store.s3.list_parser import Columns, ListResponse
from onecopy.store.s3.span_listing import SpanLister
from onecopy.store.s3.splitting import Splitter

PREFIX = "p/"
_ENDLESS = 3000
"""Requests that nobody needs for so few keys."""
ETAG = "0" * 32
NAMES = st.one_of(
    st.text("/-.0a", min_size=1, max_size=6).filter(
        lambda key: "//" not in key and key.strip("/") == key
    ),
    st.lists(st.sampled_from(["0", "a", "a-", "a-0", "aa"]), min_size=1, max_size=3).map("/".join),
)


def by_folders(key: str) -> str:
    """Return what is sorted by a service that keeps objects in folders."""
    return key.replace("/", "\0")


class Service(ListClient):
    """A service with objects at some keys, which lists them in some order, page by page."""

    def __init__(
        self, keys: Sequence[str], order: Callable[[str], str] = str, page: int = 3
    ) -> None:
        self.keys = sorted((PREFIX + key for key in keys), key=order)
        self.order = order
        self.page = page
        self.requests = 0

    def list(
        self,
        prefix: str,
        *,
        after: str = "",
        token: str | None = None,
        delimiter: str = "",
        limit: int = 1000,
    ) -> ListResponse:
        self.requests += 1
        assert self.requests < _ENDLESS
        assert not after or after.startswith(PREFIX)
        keys = [key for key in self.keys if key.startswith(prefix)]
        if token:
            keys = keys[int(token) :]
        else:
            keys = [key for key in keys if not after or self.is_behind(key, after)]
        page = keys if delimiter else keys[: min(limit, self.page)]
        more = len(page) < len(keys)
        at = int(token or len([key for key in self.keys if key.startswith(prefix)]) - len(keys))
        folders = set()
        if delimiter:
            below = [(key, key[len(prefix) :].partition("/")) for key in page]
            folders = {prefix + name + slash for _, (name, slash, _) in below if slash}
            page = [key for key, (_, slash, _) in below if not slash]
        count = len(page)
        sizes = [0 if key.endswith("empty") else 1 for key in page]
        columns = Columns(
            page, sizes, [ETAG] * count, [0] * count, ["STANDARD"] * count, [""] * count
        )
        return ListResponse(columns, sorted(folders), str(at + len(page)) if more else None)

    def is_behind(self, key: str, after: str) -> bool:
        """Whether it lists a key behind a position; by folders, `a` stands for all of `a/` too."""
        if self.order is by_folders and key.startswith(f"{after}/"):
            return False
        return self.order(key) > self.order(after)


class Plain(Service):
    """A service to which `a` is before all of `a/`."""

    def is_behind(self, key: str, after: str) -> bool:
        return self.order(key) > self.order(after)


def listed(lister: SpanLister, span: Span) -> list[str]:
    """List a span, whose pages cover it, and return the keys."""
    pages = list(lister.pages(span))
    assert (pages[0].span.after, pages[-1].span.through) == span
    assert all(one.span.through == two.span.after for one, two in pairwise(pages))
    assert all(page.span.through is None or page.span.after < page.span.through for page in pages)
    assert all(page.span.has(copy.key) for page in pages for copy in page.copies)
    return [copy.key for page in pages for copy in page.copies]


@pytest.fixture(autouse=True)
def few_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few objects be held back, as many as there are here."""
    monkeypatch.setattr(span_listing, "_MOST_HELD", 4)


@given(
    st.sets(NAMES, max_size=25),
    st.one_of(st.just(""), NAMES),
    st.one_of(st.none(), NAMES),
    st.sampled_from([str, by_folders]),
    st.integers(1, 5),
)
def test_a_span_is_listed_in_either_order(
    keys: set[str], after: str, through: str | None, order: Callable[[str], str], page: int
) -> None:
    """Each key of the span is listed once, by bytes, whatever order the service has."""
    if through is not None and through <= after:
        after = ""
    span = Span(after, through)
    lister = SpanLister(Service(list(keys), order, page), PREFIX, Order.EITHER)
    expected = sorted(key for key in keys if span.has(key))
    for _ in range(2):  # the second time the order may be known
        assert listed(lister, span) == expected
        assert listed(lister, EVERYTHING) == sorted(keys)


@given(st.sets(NAMES, max_size=25), st.sampled_from([str, by_folders]))
def test_halves_are_the_whole(keys: set[str], order: Callable[[str], str]) -> None:
    """Wherever a span is divided, again and again, no key is lost or listed twice."""
    service = Service(list(keys), order)
    lister, splitter = SpanLister(service, PREFIX, Order.EITHER), Splitter(service, PREFIX)
    spans = [EVERYTHING]
    for _ in range(3):
        halved = [(span, splitter.split(span)) for span in spans]
        assert all(key is None or (span.has(key) and key != span.through) for span, key in halved)
        spans = [
            half
            for span, key in halved
            for half in ((Span(span.after, key), Span(key, span.through)) if key else (span,))
        ]
    assert [key for span in spans for key in listed(lister, span)] == sorted(keys)


@pytest.mark.parametrize(
    ("keys", "span"),
    [
        ([*(f"a/{number}" for number in range(9)), *(f"a-{n}" for n in range(7))], EVERYTHING),
        (["a/0", *(f"a/b/{number}" for number in range(9)), "a/b-"], Span("a/0")),
    ],
)
def test_what_comes_behind_a_folder(keys: list[str], span: Span) -> None:
    """Neighbours that a service lists behind several pages of a folder, and on several pages."""
    for kind, page in product((Service, Plain), (1, 3)):
        lister = SpanLister(kind(keys, by_folders, page), PREFIX, Order.EITHER)
        assert listed(lister, span) == sorted(key for key in keys if span.has(key))


class TestRequests:
    """Listing needs hardly more requests than there are pages."""

    def count(self, service: Service, order: Order, span: Span = EVERYTHING) -> int:
        lister = SpanLister(service, PREFIX, order)
        assert listed(lister, span) == sorted(
            key for each in service.keys if span.has(key := each.removeprefix(PREFIX))
        )
        return service.requests

    def test_by_bytes(self) -> None:
        """One request a page."""
        keys = [f"a/b/{number:03}" for number in range(99)]
        assert self.count(Service(keys, page=10), Order.BYTES) == 10

    def test_while_the_order_is_unknown(self) -> None:
        """One more for each folder above, each time that too much is held back."""
        keys = [f"a/b/{number:03}" for number in range(99)]
        assert self.count(Service(keys, page=10), Order.EITHER) == 12

    def test_at_the_end(self) -> None:
        """The last page is complete without another request, in whatever order."""
        keys = [f"a/b/{number:03}" for number in range(9)]
        assert self.count(Service(keys, page=10), Order.EITHER) == 1

    def test_a_span(self) -> None:
        """It ends with the page that reaches the end, and with a request for each folder above."""
        keys = [f"a/b/{number:03}" for number in range(99)]
        span = Span("a/b/004", "a/b/018")
        assert self.count(Service(keys, page=10), Order.BYTES, span) == 2
        assert self.count(Service(keys, page=10), Order.EITHER, span) == 3

    def test_while_little_is_held_back(self) -> None:
        """One request a page: what is held back is complete when the next folder is listed."""
        keys = ["aa/0", "bb/0", "cc/0"]
        assert self.count(Service(keys, page=1), Order.EITHER) == 3
        assert self.count(Service(keys, page=1), Order.EITHER, Span("", "bb")) == 2

    def test_a_span_that_ends_in_the_first_page(self) -> None:
        """Whether it is complete is found out at once."""
        keys = [f"aa/{number}" for number in range(9)]
        assert self.count(Service(keys), Order.EITHER, Span("", "aa/1")) == 2

    def test_a_span_behind_the_name_of_a_folder(self) -> None:
        """It begins directly before the folder, which may be listed before its name."""
        keys = [*(f"aa/{number:03}" for number in range(99)), "ab/x"]
        assert self.count(Service(keys, page=10), Order.EITHER, Span("ab")) == 2


class TestOtherOrders:
    """A service in whose order keys could be missed is found out."""

    def pages(self, service: Service, span: Span = EVERYTHING) -> list[Page]:
        return list(SpanLister(service, PREFIX, Order.EITHER).pages(span))

    def test_within_a_page(self) -> None:
        """As in a directory bucket of S3."""
        with pytest.raises(Failure, match=r"'a' after 'b'.*--describe"):
            self.pages(Service("abc", lambda key: {"p/b": "1", "p/a": "2"}.get(key, key)))

    def test_between_pages(self) -> None:
        """Each page is in order, and the second begins before the end of the first."""
        with pytest.raises(Failure, match="'a' after 'd'"):
            self.pages(Service("abcd", lambda key: key if key > "p/a" else "q", page=3))

    def test_both_orders(self) -> None:
        """A service that lists by bytes in one page, and by folders in another."""
        order = ["p/a-", "p/a/b", "p/c/d", "p/c-"]
        with pytest.raises(Failure, match="after"):
            self.pages(Service(["a-", "a/b", "c/d", "c-"], lambda key: str(order.index(key))))

    def test_ignoring_the_start(self) -> None:
        """A service that starts again at the first key."""
        service = Service("abcd")
        service.is_behind = lambda key, after: True  # type: ignore[method-assign]
        with pytest.raises(Failure, match="'a' after 'b'"):
            self.pages(service, Span("b"))

    def test_repeating_a_page(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A service that never gets to the end."""
        service, empty = Service(""), Columns([], [], [], [], [], [])
        monkeypatch.setattr(service, "list", lambda *_, **__: ListResponse(empty, [], "again"))
        with pytest.raises(Failure, match="repeats"):
            self.pages(service)


class TestSplitting:
    """Keys that divide a span."""

    def split(self, keys: Sequence[str], span: Span = EVERYTHING) -> tuple[str | None, int]:
        service = Paged(keys)
        return Splitter(service, PREFIX).split(span), service.requests

    def test_between_folders(self) -> None:
        """One request finds the folders; half of them are in each half."""
        assert self.split([f"{name}/{n}" for name in "abcd" for n in "12"]) == ("b0", 1)

    def test_in_the_first_folder_that_has_several(self) -> None:
        """Folders with one folder are passed."""
        assert self.split(["a/b/c/1", "a/b/d/1", "a/b/e/1"]) == ("a/b/d0", 3)

    def test_the_folder_of_the_start_counts(self) -> None:
        """What remains of it is in the first half."""
        assert self.split(["a/1", "a/2", "b/1"], Span("a/1")) == ("a0", 1)

    def test_ends_within_the_span(self) -> None:
        """Folders beyond the end are not divided."""
        assert self.split(["a/1", "b/1", "c/1"], Span("", "a/5")) == (None, 2)

    def test_few_keys(self) -> None:
        """A folder with one page of keys is not divided."""
        assert self.split(["a/1", "a/2"]) == (None, 2)

    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ([f"{number:04x}" for number in range(0, 65536, 16)], "a"),
            ([f"img-{number:08}.jpg" for number in range(6000)], "img-00005"),
            ([f"a/b/{number:05}" for number in range(2000)], "a/b/01"),
            ([f"x{number:04}" for number in range(1001)], "x1"),
            ([f"x{number:04}" for number in range(3000) if number != 999], "x2"),
            ([f"{number:012b}" for number in range(2000)], "01"),
            ([f"{number}.jpg" for number in range(3000)], "7"),
        ],
    )
    def test_guesses(self, keys: list[str], expected: str) -> None:
        """The characters of the next keys lead to a key with objects on both sides."""
        key, requests = self.split(keys)
        assert key == expected
        assert requests <= 9
        assert min(keys) <= key < max(keys)

    def test_guesses_within_the_span(self) -> None:
        """Only what is in the span is divided, from its start to its end."""
        keys = [f"img-{number:04}.jpg" for number in range(6000)]
        assert self.split(keys, Span("", "img-1500.jpg"))[0] == "img-1"
        assert self.split(keys, Span("img-3000.jpg"))[0] == "img-5"

    def test_own_records_are_no_folder(self) -> None:
        """Our own records make no half, and a span may begin among them."""
        assert self.split([".onecopy/a", "b/1"]) == (None, 2)
        folders = ["b/c/1", "b/d/1", "b/e/1"]
        assert self.split(folders, Span(".onecopy/z")) == ("b/d0", 2)

    def test_within_a_folder(self) -> None:
        """The folder that all keys of the span are in is looked at first."""
        keys = [f"a/b/{name}/1" for name in "cdef"]
        assert self.split(keys, Span("a/b/c/0", "a/b/e/5")) == ("a/b/d0", 1)

    def test_a_service_that_leaves_out_the_folder_of_the_start(self) -> None:
        """It counts nevertheless, at each level."""
        service = Leaving(["a/1/x", "a/1/y", "a/2/x"])
        assert Splitter(service, PREFIX).split(Span("a/1/x")) == "a/10"

    def test_a_service_that_ignores_the_delimiter(self) -> None:
        """What is not directly in a folder is not used."""
        for keys in (["a//", "b//"], [f"{number:04}/x" for number in range(2000)]):
            service = Flat(keys)
            assert Splitter(service, PREFIX).split(EVERYTHING) is None

    def test_an_empty_page_that_is_not_the_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is nothing to guess from."""
        service, empty = Service(""), Columns([], [], [], [], [], [])
        monkeypatch.setattr(service, "list", lambda *_, **__: ListResponse(empty, [], "more"))
        assert Splitter(service, PREFIX).split(EVERYTHING) is None


class Paged(Service):
    """A service whose pages have up to 1000 keys or folders."""

    def list(self, prefix: str, **options: object) -> ListResponse:
        options.setdefault("limit", 1000)
        self.page = 1000
        response = super().list(prefix, **options)  # type: ignore[arg-type]
        columns = Columns._make(column[:1000] for column in response.columns)
        token = "more" if len(columns.keys) < len(response.columns.keys) else response.token
        return response._replace(columns=columns, token=token)


class Leaving(Paged):
    """A service that leaves out the folder in which a listing begins."""

    def list(self, prefix: str, **options: object) -> ListResponse:
        response, after = super().list(prefix, **options), str(options.get("after", ""))
        folders = [each for each in response.folders if not after.startswith(each)]
        return response._replace(folders=folders)


class Flat(Paged):
    """A service that ignores the delimiter."""

    def list(self, prefix: str, **options: object) -> ListResponse:
        return super().list(prefix, **{**options, "delimiter": ""})


@pytest.mark.parametrize("page", [1, 9])
def test_what_is_listed_elsewhere_is_named(page: int) -> None:
    """A service may change keys so that they are not below the prefix any more."""
    service = Service("ab", page=page)
    service.keys += ["q//c", "q//d"]
    real = service.list
    listing = SpanLister(service, PREFIX, Order.EITHER)
    service.list = lambda prefix, **options: real("", **options)  # type: ignore[method-assign]
    pages = list(listing.pages(EVERYTHING))
    assert [copy.key for page in pages for copy in page.copies] == ["a", "b"]
    assert [each for page in pages for each in page.left_out] == [
        LeftOut("q//c", "key-changed"),
        LeftOut("q//d", "key-changed"),
    ]


def test_all_that_is_listed_is_counted() -> None:
    """Copies, empty objects and what cannot be recorded; also an object at the prefix itself."""
    service = Service(["", "a", "b\0", "empty", "x"], page=9)
    service.keys.append("q//c")
    real = service.list
    service.list = lambda prefix, **options: real("", **options)  # type: ignore[method-assign]
    [page] = SpanLister(service, PREFIX, Order.EITHER).pages(EVERYTHING)
    invalid = [LeftOut("", "key-invalid"), LeftOut("b\0", "key-invalid")]
    assert [copy.key for copy in page.copies] == ["a", "x"]
    assert page.left_out == [*invalid, LeftOut("q//c", "key-changed")]
    assert (page.empty, page.span) == (1, EVERYTHING)
