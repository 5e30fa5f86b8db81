"""The index in a table of DynamoDB."""

import subprocess
import sys

import pytest

from onecopy.content import Digests
from onecopy.errors import Damaged, Forbidden, InvalidSettings, Unavailable
from onecopy.index.dynamodb import writing
from onecopy.index.dynamodb.address import Address
from onecopy.testing.index import (
    ClassifiedContract,
    IndexContract,
    ListingsContract,
    ListsContract,
    PagesContract,
    StateContract,
    UnreadContract,
)
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.testing.index.values import a_copy, copies_of, md5_of, proved, sha256_of
from tests.index.tables import client_of, make_table, url_of
from tests.middleman import Answer, Handler, serving
from tests.standins import Standin


class TestDynamoIndex(
    IndexContract,
    ClassifiedContract,
    UnreadContract,
    ListsContract,
    ListingsContract,
    PagesContract,
    StateContract,
):
    @pytest.fixture
    def index(self, dynamodb: CompleteEngine) -> CompleteEngine:
        return dynamodb


def test_more_than_hints(aws: Standin, table: str, dynamodb: CompleteEngine) -> None:
    """Many copies of one content are found in order until they are forgotten; nothing is left."""
    copies = copies_of("a", 30)
    bare = [a_copy(f"bare {number}", Digests(), size=7) for number in range(30)]
    dynamodb.add(("t", copy) for copy in [*copies, *bare])
    for number, copy in enumerate(copies):
        assert list(dynamodb.copies("t", digest=md5_of("a"))) == [
            ("t", each) for each in copies[number:]
        ]
        assert dynamodb.lookup("t", [sha256_of("a"), md5_of("a")]) == [copy, copy]
        assert dynamodb.forget("t", [copy]) == [True]
    assert dynamodb.lookup("t", [sha256_of("a"), md5_of("a")]) == [None, None]
    assert sorted(dynamodb.unread("t", 7, 100)) == sorted(bare)
    assert dynamodb.unread_sizes("t", [7, 1000]) == {7}
    dynamodb.forget("t", bare)
    assert dynamodb.unread_sizes("t", [7, 1000]) == set()
    left = client_of(aws).scan(TableName=table)["Items"]
    marks = {str(item.get("hints")) for item in left if "hints" in item}
    assert {str(item["pk"]["S"])[0] for item in left} == {"o", "t", "d", "s"}
    assert all("*" in mark and "," not in mark for mark in marks)


# URLs


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("dynamodb://photos", Address("photos")),
        ("dynamodb://my.photos_2-1/", Address("my.photos_2-1")),
        (
            "dynamodb://photos?region=eu-west-1&profile=me",
            Address("photos", "eu-west-1", profile="me"),
        ),
        (
            "dynamodb://photos?endpoint=http%3A%2F%2Flocalhost%3A8000",
            Address("photos", endpoint="http://localhost:8000"),
        ),
        (
            "dynamodb://sums?layout=checksums&key=content",
            Address("sums", layout="checksums", key="content"),
        ),
    ],
)
def test_url(url: str, address: Address) -> None:
    """A URL names the table and all settings except credentials."""
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("dynamodb:photos", "expected dynamodb://table"),
        ("dynamodb://", "expected dynamodb://table"),
        ("dynamodb://ab", "expected dynamodb://table"),
        ("dynamodb://photos/2026", "expected dynamodb://table"),
        ("dynamodb://key:secret@photos", "expected dynamodb://table"),
        ("dynamodb://photos?secret_key=s3cret", "must not contain credentials"),
        ("dynamodb://photos?colour=red", "unknown option colour"),
        ("dynamodb://photos?region=", "no value for region"),
        ("dynamodb://photos?region=a&region=b", "given twice"),
        ("dynamodb://photos?endpoint=localhost", "invalid endpoint"),
        ("dynamodb://photos?layout=rows", "use index or checksums"),
        ("dynamodb://photos?key=content", "needs layout=checksums"),
    ],
)
def test_url_is_wrong(url: str, why: str) -> None:
    """An invalid URL is refused with the reason, and no secret is shown."""
    with pytest.raises(InvalidSettings, match=why) as caught:
        open_complete(url)
    assert "s3cret" not in str(caught.value)


def test_missing_package() -> None:
    """Without boto3, which includes botocore, the message says what to install."""
    script = (
        "import sys; sys.modules['botocore'] = None\n"
        "from onecopy.index import open_index\n"
        "from onecopy.errors import InvalidSettings\n"
        "try: open_index('dynamodb://photos')\n"
        "except InvalidSettings as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "pip install 'onecopy[aws]'" in done.stdout


def test_without_sqlite() -> None:
    """A Lambda function has neither SQLite nor anycrc, and needs none."""
    script = (
        "import sys; sys.modules |= dict.fromkeys(('apsw', 'anycrc'))\n"
        "import onecopy.index.dynamodb.index"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


# The table


def test_it_is_made_and_kept(aws: Standin, table: str) -> None:
    """A missing table is created, is billed by request, and keeps its records."""
    copy = a_copy("a", proved("a"))
    for given in (True, False):
        index = open_complete(url_of(aws, table))
        if given:
            index.record("t", [copy])
        assert index.lookup("t", [sha256_of("a")]) == [copy]
        index.close()
    described = client_of(aws).describe_table(TableName=table)["Table"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_an_empty_table_becomes_ours(aws: Standin, table: str) -> None:
    """An empty table that was created by another tool, such as a template, is accepted."""
    make_table(aws, table, "pk", "sk")
    index = open_complete(url_of(aws, table))
    assert list(index.copies()) == []
    index.close()


def test_others_tables_are_left_alone(aws: Standin, table: str) -> None:
    """A table with other keys, or with other items, is refused and left unchanged."""
    make_table(aws, table, "content")
    with pytest.raises(InvalidSettings, match="layout=checksums"):
        open_complete(url_of(aws, table))
    other = f"{table}-2"
    make_table(aws, other, "pk", "sk")
    item = {"pk": {"S": "theirs"}, "sk": {"S": "theirs"}}
    client_of(aws).put_item(TableName=other, Item=item)
    with pytest.raises(InvalidSettings, match="not an index of onecopy"):
        open_complete(url_of(aws, other))
    assert client_of(aws).scan(TableName=other)["Items"] == [item]


def test_a_newer_table(aws: Standin, table: str, dynamodb: CompleteEngine) -> None:
    """A table that a newer onecopy wrote is refused."""
    item = {"pk": {"S": "onecopy"}, "sk": {"S": "-"}, "version": {"N": "99"}}
    client_of(aws).put_item(TableName=table, Item=item)
    with pytest.raises(InvalidSettings, match="newer onecopy"):
        open_complete(url_of(aws, table))


def test_we_may_not(aws: Standin, table: str) -> None:
    """A missing permission to read or create the table is reported."""

    class Refusing(Handler):
        def answer(self, length: int) -> Answer | None:
            self.rfile.read(length)
            call = self.headers["X-Amz-Target"].rpartition(".")[2]
            code = answers.pop(0) if call == "GetItem" else "AccessDeniedException"
            return 400, {}, f'{{"__type": "{code}", "message": "not allowed"}}'.encode()

    answers = ["ResourceNotFoundException", "AccessDeniedException"]
    with serving(Refusing) as url:
        with pytest.raises(Forbidden, match="CreateTable"):
            open_complete(url_of(aws, table, endpoint=url))
        with pytest.raises(Forbidden, match="not allowed"):
            open_complete(url_of(aws, table, endpoint=url))


def test_no_credentials(aws: Standin, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the message says where they are looked for."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Forbidden, match="AWS_ACCESS_KEY_ID"):
        open_complete(url_of(aws, table))


def test_no_region(aws: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of Amazon need a region: each region has its own tables."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidSettings, match="photos: add its region to the URL"):
        open_complete("dynamodb://photos")


def test_an_impossible_item_is_damage(aws: Standin, table: str, dynamodb: CompleteEngine) -> None:
    """An item that another program changed is not an answer, and no error of ours."""
    dynamodb.record("t", [a_copy("k", proved("a"))])
    client = client_of(aws)
    for item in client.scan(TableName=table)["Items"]:
        if "digests" in item:
            client.put_item(TableName=table, Item={**item, "digests": {"B": b"\x01"}})
    with pytest.raises(Damaged, match="the index is damaged"):
        dynamodb.lookup("t", [sha256_of("a")])
    with pytest.raises(Damaged, match="the index is damaged"):
        list(dynamodb.copies("t"))


def test_lost_races_say_what_to_do(
    dynamodb: CompleteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that loses to other processes at every attempt says what it did, and what to do."""
    [copy] = copies_of("a", 1)
    monkeypatch.setattr(writing, "MAX_ATTEMPTS", 0)
    for call in (
        lambda: dynamodb.record("t", [copy]),
        lambda: dynamodb.forget("t", [copy]),
    ):
        with pytest.raises(Unavailable, match=r"^too many other processes write to .*: try again$"):
            call()
