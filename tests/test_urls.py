"""URLs of back ends and servers."""

import pytest

from onecopy.errors import InvalidSettings
from onecopy.index import open_index
from onecopy.store import open_store
from onecopy.urls import check_endpoint, options


def test_an_option_given_twice_is_named() -> None:
    """The message names the option, not only that there is one."""
    with pytest.raises(InvalidSettings, match="s3://b: region is given twice"):
        options("s3://b?region=a&profile=p&region=b", ["region", "profile"])


@pytest.mark.parametrize("url", ["http://host:99999", "http://[::1", "http://h:port"])
def test_an_impossible_server_is_refused(url: str) -> None:
    """A port or address that cannot be is an error of the URL, not a defect."""
    with pytest.raises(InvalidSettings, match="invalid endpoint"):
        check_endpoint("endpoint", url)


@pytest.mark.parametrize("url", ["s3://[x", "file://[x"])
def test_an_impossible_store_is_refused(url: str) -> None:
    """So it is in the URL of a store."""
    with pytest.raises(InvalidSettings, match="invalid URL"):
        open_store(url)


def test_an_impossible_table_is_refused() -> None:
    """And in that of an index; what may be a password is not shown."""
    with pytest.raises(InvalidSettings, match="invalid URL") as caught:
        open_index("dynamodb://user:secret@[x")
    assert "secret" not in str(caught.value)
