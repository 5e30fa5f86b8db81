"""Commands in a folder with a settings file that somebody else may have written."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.middleman import Middleman, answering
from tests.proxy import proxying
from tests.upload.conftest import write

TOKEN = "onecopy_secret"


@pytest.fixture
def thief() -> Iterator[Middleman]:
    """Run a server that collects what it is sent."""
    with answering(404, {}, b"") as middleman:
        yield middleman


@pytest.fixture
def photos(tmp_path: Path) -> str:
    """Return the name of a file to check."""
    write(tmp_path / "a.jpg", b"a")
    return "a.jpg"


def plant(folder: Path, text: str) -> None:
    """Write a settings file."""
    (folder / "onecopy.toml").write_text(text)


@pytest.mark.parametrize("command", [("check", "a.jpg"), ("upload", "a.jpg"), ("doctor",)])
def test_a_planted_server_gets_no_token(
    run: Run, thief: Middleman, photos: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Every command that uses a service refuses, and sends nothing."""
    plant(tmp_path, f'server = "{thief.url}"\n')
    done = run(*command, "--json", ONECOPY_TOKEN=TOKEN)
    assert (done.code, done.out, thief.seen) == (2, "", [])
    assert f"names the server '{thief.url}', and a token is sent only to a server" in done.err
    assert "--config onecopy.toml" in done.err
    run(*command, "--config", "onecopy.toml", ONECOPY_TOKEN=TOKEN)
    assert thief.seen[0][2]["Authorization"] == f"Bearer {TOKEN}"


def test_a_planted_token_file(run: Run, thief: Middleman, photos: str, tmp_path: Path) -> None:
    """No other file is read and sent as a token."""
    write(tmp_path / "id_rsa", b"private")
    plant(tmp_path, f'server = "{thief.url}"\ntoken_file = "id_rsa"\n')
    done = run("check", photos)
    assert (done.code, thief.seen) == (2, [])
    assert "can't set token_file" in done.err


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("store", "s3://photos?endpoint={url}"),
        ("store", "s3://photos?public_endpoint={url}"),
        ("index", "dynamodb://table?endpoint={url}"),
        ("index", "postgresql://ada@{host}/db"),
        ("index", "postgresql:///db?host={host}&passfile=/etc/passwd"),
    ],
)
def test_a_planted_back_end_gets_no_credentials(
    run: Run, thief: Middleman, tmp_path: Path, name: str, url: str
) -> None:
    """Neither AWS credentials nor a password leave the machine; the error names the fix."""
    planted = url.format(url=thief.url, host=thief.url.partition("//")[2])
    plant(tmp_path, f'{name} = "{planted}"\n')
    done = run("report", AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s", PGPASSWORD="hush")
    assert (done.code, thief.seen) == (2, [])
    assert f"names a server in `{name}`" in done.err
    assert f"--{name} or ONECOPY_{name.upper()}; " in done.err


@pytest.mark.parametrize(
    "command",
    ["check a", "upload a", "scan", "forget a", "serve", "doctor", "index check", "token list"],
)
def test_every_command_refuses_a_planted_back_end(
    run: Run, thief: Middleman, tmp_path: Path, command: str
) -> None:
    """The rule is that of the settings, not of a command."""
    plant(tmp_path, f'index = "dynamodb://table?endpoint={thief.url}"\n')
    write(tmp_path / "a", b"a")
    done = run(*command.split(), AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s")
    assert (done.code, thief.seen) == (2, [])
    assert "names a server in `index`" in done.err


def test_what_a_found_file_chose_is_shown(run: Run, photos: str, tmp_path: Path) -> None:
    """Index, store and trust, on standard error; standard output is as ever."""
    plant(tmp_path, 'index = "sqlite:i"\nstore = "files"\n[tenants.lists]\ntrust = ["md5"]\n')
    assert run("upload", photos, "--index", "sqlite:i", "--store", "files").code == 0
    done = run("check", photos, "--json")
    assert done.code == 1, done.err
    assert json.loads(done.out)["verdict"] == "duplicate"
    assert done.err.startswith(
        "onecopy: onecopy.toml in the working directory chose: index sqlite:i, store files, "
        "tenants whose trust counts: lists\n"
    )
    for named in (("--config", "onecopy.toml"), ("--index", "sqlite:i", "--store", "files")):
        assert "index" not in run("check", photos, *named).err


def test_a_found_server_is_shown(run: Run, thief: Middleman, photos: str, tmp_path: Path) -> None:
    """A service without tokens may be chosen, visibly; no character of it is misleading."""
    plant(tmp_path, f'server = "{thief.url}/\\u001b[2J"\n')
    done = run("check", photos)
    assert f"working directory chose: server {thief.url}/\\x1b[2J\n" in done.err


def test_the_users_own_file_names_server_and_token(
    run: Run, thief: Middleman, photos: str, tmp_path: Path
) -> None:
    """It is found below HOME, without a message."""
    write(tmp_path / "token", TOKEN.encode())
    own = f'server = "{thief.url}"\ntoken_file = "{tmp_path}/token"\n'
    write(tmp_path / ".config/onecopy/onecopy.toml", own.encode())
    done = run("check", photos)
    assert thief.seen[0][2]["Authorization"] == f"Bearer {TOKEN}"
    assert "chose" not in done.err


@pytest.mark.parametrize("command", [("check", "a.jpg"), ("doctor",)])
def test_plain_http_to_another_machine(
    run: Run, thief: Middleman, photos: str, command: tuple[str, ...]
) -> None:
    """A token is not sent where others can read it, unless the user insists."""
    words = (*command, "--server", "http://files.test")
    env = {"ONECOPY_TOKEN": TOKEN}
    with proxying(thief.url) as proxy:
        refused = run(*words, **env)
        behind = run(*command, "--server", thief.url, **env, HTTP_PROXY=proxy.url)
        assert (refused.code, behind.code, thief.seen) == (2, 2, [])
        run(*words, HTTP_PROXY=proxy.url)
        assert "Authorization" not in thief.seen[0][2]
        run(*words, "--allow-http", **env, HTTP_PROXY=proxy.url)
    assert thief.seen[-1][2]["Authorization"] == f"Bearer {TOKEN}"
    assert "a token is not sent to http://files.test:80 over plain HTTP" in refused.err
    assert "--allow-http" in refused.err
    assert f"through the proxy {proxy.url}" in behind.err
