"""`onecopy serve` with pages of other origins, and with sign-ins at an issuer."""

from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.conftest import Run, Serve, Served, backends
from tests.http.issuer import AUDIENCE, issuing

APP = "https://app.example"


def status(served: Served, token: str | None = None) -> int:
    """Return the status of a request, with a token if there is one."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(f"{served.url}/v1/config", headers=headers)) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--page-origin", APP), "only with tokens"),
        (("--page-origin", f"{APP}/page"), "invalid web origin"),
        (("--issuer", "https://login.example"), "needs --audience"),
        (("--issuer", "http://login.example", "--audience", "a"), "is plain HTTP"),
        (("--issuer", "login.example", "--audience", "a"), "invalid --issuer 'login.example'"),
        (("--audience", "a"), "--audience needs --issuer"),
        (("--jwks", "https://login.example/keys"), "--jwks needs --issuer"),
        (("--jwt-tenant", "photos"), "--jwt-tenant needs --issuer"),
        (
            ("--issuer", "https://a", "--audience", "a", "--jwt-tenant", "No Name"),
            "invalid --jwt-tenant 'No Name'",
        ),
        (
            ("--issuer", "https://a", "--audience", "a", "--issuer-origin", "b"),
            "invalid web origin 'b'",
        ),
    ],
)
def test_refused_at_start(run: Run, tmp_path: Path, options: Sequence[str], message: str) -> None:
    """What is missing or wrong is named, before the service answers anybody."""
    done = run("serve", "--port", "0", *backends(tmp_path), *options)
    assert done.code == 2
    assert message in done.err


def test_a_tenant_that_cannot_be_beside_tokens(run: Run, tmp_path: Path) -> None:
    """Users of named tenants would be below the default tenant, which owns everything."""
    assert run("token", "create", *backends(tmp_path)).code == 0
    issuer = ("--issuer", "https://login.example", "--audience", "a")
    done = run("serve", "--port", "0", *backends(tmp_path), *issuer)
    assert (done.code, "--jwt-tenant is 'claim:tenant'" in done.err) == (2, True)


def test_without_the_package(run: Run, tmp_path: Path) -> None:
    """The error says what to install."""
    (tmp_path / "absent" / "jwt").mkdir(parents=True)
    missing = "raise ModuleNotFoundError('No module named jwt', name='jwt')"
    (tmp_path / "absent" / "jwt" / "__init__.py").write_text(missing)
    issuer = ("--issuer", "https://login.example", "--audience", "a")
    source = Path(__file__).parents[2] / "src"
    path = f"{tmp_path / 'absent'}:{source}"
    done = run("serve", "--port", "0", *backends(tmp_path), *issuer, PYTHONPATH=path)
    assert done.code == 2
    assert "pip install 'onecopy[jwt]'" in done.err


def test_sign_ins_and_own_tokens(run: Run, server: Serve, tmp_path: Path) -> None:
    """Both are accepted from the same address, for named tenants; without either, nobody is."""
    made = run("token", "create", "--tenant", "photos", *backends(tmp_path))
    with issuing() as issuer:
        served = server(None, "--issuer", issuer.url, "--audience", AUDIENCE, "--page-origin", APP)
        assert status(served) == 401
        assert status(served, made.out.split()[-1]) == 200
        assert status(served, issuer.token()) == 200
        assert status(served, issuer.token(aud="others")) == 401
        named = run("doctor", "--server", served.url, "--origin", APP, ONECOPY_TOKEN=issuer.token())
        assert f"fine    cors: pages of {APP} may use the API" in named.out
        other = run("doctor", "--server", served.url, "--origin", "https://other.example")
        assert (other.code, "serve --page-origin https://other.example" in other.out) == (1, True)


def test_an_issuer_alone(run: Run, server: Serve, tmp_path: Path) -> None:
    """It needs no token of onecopy; without it, the store remembers that it was guarded."""
    with issuing() as issuer:
        options = ("--issuer", issuer.url, "--audience", AUDIENCE, "--jwt-tenant", "photos")
        served = server(None, *options)
        assert status(served) == 401
        assert status(served, issuer.token(without="tenant")) == 200
        assert served.stop() == 0
        assert served.said == ""
    done = run("serve", "--port", "0", *backends(tmp_path))
    assert (done.code, "was served with tokens" in done.err) == (2, True)
