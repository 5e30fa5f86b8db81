"""Settings: the order of the sources, and errors."""

from math import inf
from pathlib import Path

import pytest

from onecopy.aws.functions.settings import FunctionSettings
from onecopy.errors import InvalidSettings
from onecopy.settings import Settings, read


def write(folder: Path, text: str) -> Path:
    """Write a settings file; return its path."""
    path = folder / "onecopy.toml"
    path.write_text(text)
    return path


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file, environment and options, everything is stored below onecopy-data."""
    monkeypatch.chdir(tmp_path)
    found = read(environment={"HOME": "/home/ada"})
    assert found == Settings(cache=Path("/home/ada/.cache/onecopy"))
    assert found.index == "sqlite:onecopy-data/index.sqlite"
    assert found.store == "onecopy-data/files"
    assert found.server is None
    assert found.price == 0.023


def test_the_file_in_the_working_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """onecopy.toml is used without being named."""
    write(tmp_path, 'store = "elsewhere"\nprice = 0.01\n')
    monkeypatch.chdir(tmp_path)
    found = read(environment={})
    assert (found.store, found.price) == ("elsewhere", 0.01)


def test_storage_classes_have_prices(tmp_path: Path) -> None:
    """Those of the settings come before the list prices; unknown classes cost as STANDARD."""
    found = read(write(tmp_path, "price = 0.5\n[prices]\nGLACIER = 0.25\n"), environment={})
    assert found.price_of("GLACIER") == 0.25
    assert [found.price_of(name) for name in ("STANDARD", "", "NEW_CLASS")] == [0.5, 0.5, 0.5]
    assert found.price_of("DEEP_ARCHIVE") == 0.00099


def test_later_sources_win(tmp_path: Path) -> None:
    """The environment overrides the file, and the command line both."""
    path = write(tmp_path, 'index = "sqlite:a"\nstore = "b"\ntenant = "c"\n')
    environment = {"ONECOPY_INDEX": "sqlite:env", "ONECOPY_STORE": "env"}
    found = read(path, {"store": "line", "index": None}, environment)
    assert (found.index, found.store, found.tenant) == ("sqlite:env", "line", "c")


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    """A variable that is set to nothing changes nothing."""
    path = write(tmp_path, 'store = "b"\n')
    assert read(path, {}, {"ONECOPY_STORE": ""}).store == "b"


def test_a_server_gives_way_to_a_store_that_is_named_later(tmp_path: Path) -> None:
    """A store on the command line overrides a server in the environment."""
    path = write(tmp_path, "")
    environment = {"ONECOPY_SERVER": "http://localhost:1"}
    assert read(path, {}, environment).server == "http://localhost:1"
    assert read(path, {"store": "here"}, environment).server is None
    assert read(path, {"server": "http://x"}, {"ONECOPY_STORE": "s"}).server == "http://x"


def test_a_server_beside_a_store_is_refused(tmp_path: Path) -> None:
    """A source must not name both."""
    path = write(tmp_path, "")
    with pytest.raises(InvalidSettings, match="both a server and store"):
        read(path, {"server": "http://x", "store": "y"}, {})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('stroe = "x"\n', "stroe"),
        ("price = true\n", "price"),
        ("price = -1\n", "price"),
        ("price = nan\n", "price"),
        ("prices = 1\n", "prices"),
        ("[prices]\nGLACIER = -1\n", "prices"),
        ("index = 3\n", "index"),
        ('tenants = "x"\n', "tenants"),
        ("[tenants]\na = 1\n", "tenants.a"),
        ('[tenants.a]\ntrust = ["sha1"]\n', "trust"),
        ('[tenants.a]\ntrust = "md5"\n', "trust"),
        ("[tenants.a]\ntrustt = []\n", "trustt"),
        ("price = \n", "TOML"),
        ('token = "secret"\n', "token"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str, named: str) -> None:
    """A mistake in the file is an error that names it, and the file."""
    path = write(tmp_path, text)
    with pytest.raises(InvalidSettings, match=named) as raised:
        read(path, {}, {})
    assert str(path) in str(raised.value)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    """--config with a wrong path is an error; a missing onecopy.toml is none."""
    with pytest.raises(InvalidSettings, match="there is no settings file"):
        read(tmp_path / "none.toml", {}, {})


def test_trust_belongs_to_a_tenant(tmp_path: Path) -> None:
    """The trust of one tenant does not apply to another."""
    path = write(tmp_path, '[tenants.archive]\ntrust = ["md5", "claimed"]\n[tenants.photos]\n')
    assert read(path, {"tenant": "archive"}, {}).trust == {"md5", "claimed"}
    assert read(path, {"tenant": "photos"}, {}).trust == frozenset()
    assert read(path, {}, {}).trust == frozenset()


def test_the_token_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """A token file is read and stripped; a later source wins."""
    token_file = tmp_path / "token"
    token_file.write_text("from-file\n")
    path = write(tmp_path, f'token_file = "{token_file}"\n')
    assert read(path, {}, {}).token == "from-file"
    assert read(path, {}, {"ONECOPY_TOKEN": "from-env"}).token == "from-env"
    given = {"token_file": str(token_file)}
    assert read(path, given, {"ONECOPY_TOKEN": "from-env"}).token == "from-file"


@pytest.mark.parametrize("content", ["", "\n", "two\nlines", "höh"])
def test_a_token_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    """A token must be valid in a header."""
    token_file = tmp_path / "token"
    token_file.write_text(content)
    with pytest.raises(InvalidSettings, match="no token"):
        read(write(tmp_path, ""), {"token_file": str(token_file)}, {})


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    """The error says which file could not be read."""
    with pytest.raises(InvalidSettings, match="nowhere"):
        read(write(tmp_path, ""), {"token_file": str(tmp_path / "nowhere")}, {})


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """A traceback or log that shows the settings shows no secret."""
    environment = {"ONECOPY_TOKEN": "hush-token", "ONECOPY_SECRET": "hush-secret"}
    found = read(write(tmp_path, ""), {}, environment)
    assert found.token == "hush-token"
    assert found.secret == "hush-secret"
    assert "hush" not in repr(found)


def test_the_cache_follows_xdg(tmp_path: Path) -> None:
    """XDG_CACHE_HOME counts if it is absolute, as its specification says."""
    path = write(tmp_path, "")
    assert read(path, {}, {"XDG_CACHE_HOME": "/c", "HOME": "/h"}).cache == Path("/c/onecopy")
    assert read(path, {}, {"XDG_CACHE_HOME": "c", "HOME": "/h"}).cache == Path("/h/.cache/onecopy")


def test_trust_comes_from_the_environment(tmp_path: Path) -> None:
    """Where there is no file, a variable lists the tenants' trust."""
    environment = {"ONECOPY_TRUST": "photos=md5 archive=claimed,md5"}
    assert read(write(tmp_path, ""), {}, environment).tenants == {
        "archive": frozenset({"claimed", "md5"}),
        "photos": frozenset({"md5"}),
    }


def test_functions_on_lambda_are_configured_by_the_environment() -> None:
    """Their own settings come from variables only; variables that are empty do not count."""
    environment = {
        "DYNAMODB_KEY": "checksum",
        "DYNAMODB_TABLE": "old",
        "ONECOPY_CHECKSUM_ORIGIN": "https://old.example",
        "ONECOPY_CHECKSUM_TENANT": "photos",
        "ONECOPY_JWT_SCOPES": "scope",
        "ONECOPY_JWT_TENANT": "claim:team",
        "ONECOPY_OIDC_ISSUER": "",
        "ONECOPY_SECRET_FROM": "ssm:/onecopy",
    }
    assert FunctionSettings.read(environment) == FunctionSettings(
        checksum_key="checksum",
        checksum_origin="https://old.example",
        checksum_table="old",
        checksum_tenant="photos",
        jwt_scopes="scope",
        jwt_tenant="claim:team",
        secret_from="ssm:/onecopy",
    )


@pytest.mark.parametrize("text", ["md5", "photos=", "photos=sha1", "photos=md5,", "photos:md5"])
def test_invalid_trust_is_refused(tmp_path: Path, text: str) -> None:
    """Trust by mistake could lead to a wrong duplicate."""
    with pytest.raises(InvalidSettings, match="ONECOPY_TRUST"):
        read(write(tmp_path, ""), {}, {"ONECOPY_TRUST": text})


def test_patterns(tmp_path: Path) -> None:
    """Patterns of the command line are added to those of the file; `trash` to the usual ones."""
    path = write(tmp_path, 'exclude = ["*.tmp"]\ninclude = ["*.jpg"]\ntrash = ["/old/"]\n')
    found = read(path, {"exclude": ("!a.tmp",), "include": None}, {})
    assert (found.exclude, found.include) == (("*.tmp", "!a.tmp"), ("*.jpg",))
    assert found.filter.reason("a.tmp") == "it matches no pattern of `include`"
    assert found.trash_patterns.match("old/a")
    assert found.trash_patterns.match("#recycle/a")
    found = read(path, {}, {"ONECOPY_TRASH": "/older/\n\n!\\#recycle/\n"})
    assert found.trash == ("/older/", "!\\#recycle/")
    assert not found.trash_patterns.match("#recycle/a")
    assert not found.trash_patterns.match("old/a")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('trash = ["#recycle"]', "onecopy.toml: trash: the pattern '#recycle' matches nothing"),
        ('exclude = ["!"]', "onecopy.toml: exclude: invalid pattern '!'"),
        ('include = "*.jpg"', "onecopy.toml: include must be a list of patterns"),
    ],
)
def test_bad_patterns(tmp_path: Path, text: str, error: str) -> None:
    """The file, the setting and the pattern are named."""
    with pytest.raises(InvalidSettings, match=error):
        read(write(tmp_path, text), {}, {})
    with pytest.raises(InvalidSettings, match="ONECOPY_TRASH: the pattern"):
        read(None, {}, {"ONECOPY_TRASH": "a\n#b"})


# Files that the user did not name


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return the user's folder for the configuration of onecopy."""
    folder = tmp_path / "config" / "onecopy"
    folder.mkdir(parents=True)
    return folder


def test_the_users_own_file(here: Path, own: Path) -> None:
    """It overrides the defaults, and is overridden by a file in the working directory."""
    write(own, f'server = "https://own"\ntoken_file = "{own}/token"\nprice = 1\n')
    (own / "token").write_text("own-token")
    write(here, "price = 2\n")
    found = read(environment={"XDG_CONFIG_HOME": str(own.parent)})
    assert (found.server, found.token, found.price) == ("https://own", "own-token", 2)
    assert found.found == frozenset()


@pytest.mark.parametrize("variable", ["XDG_CONFIG_HOME", "HOME"])
def test_the_users_own_folder_is_absolute(here: Path, variable: str) -> None:
    """A relative folder would be in the working directory, and its file anybody's."""
    for folder in (here / "onecopy", here / ".config" / "onecopy"):
        folder.mkdir(parents=True)
        write(folder, 'server = "https://planted"\n')
    assert read(environment={variable: "."}).server is None
    assert read(environment={}).server is None


def test_a_mistake_in_the_users_own_file_names_it(here: Path, own: Path) -> None:
    """The path is in the error."""
    write(own, "stroe = 1\n")
    with pytest.raises(InvalidSettings, match=str(own)):
        read(environment={"XDG_CONFIG_HOME": str(own.parent)})


def test_a_found_file_cannot_name_secrets(here: Path) -> None:
    """No file of the user's is read as a token, unless the user names the settings file."""
    (here / "id_rsa").write_text("hush")
    path = write(here, 'token_file = "id_rsa"\n')
    with pytest.raises(InvalidSettings, match=r"can't set token_file.*--config onecopy.toml"):
        read(environment={})
    assert read(path, {}, {}).token == "hush"


@pytest.mark.parametrize("name", ["issuer", "jwks"])
def test_a_found_file_cannot_name_who_signs_in(here: Path, name: str) -> None:
    """Its author could sign in as anybody, unless the user names the settings file."""
    path = write(here, f'{name} = "https://planted.test"\n')
    with pytest.raises(InvalidSettings, match=rf"can't set {name}.*--config onecopy.toml"):
        read(environment={})
    assert getattr(read(path, {}, {}), name) == "https://planted.test"


def test_settings_of_a_service(here: Path) -> None:
    """Lists of origins are words in a variable; the command line replaces them."""
    path = write(here, 'page_origins = ["https://a"]\nshow_path = true\n')
    assert read(path, {}, {}).page_origins == ("https://a",)
    assert read(path, {}, {}).show_path
    environment = {"ONECOPY_PAGE_ORIGINS": "https://b  https://c", "ONECOPY_SHOW_PATH": "false"}
    settings = read(path, {}, environment)
    assert (settings.page_origins, settings.show_path) == (("https://b", "https://c"), False)
    assert read(path, {"page_origins": ("https://d",)}, environment).page_origins == ("https://d",)
    with pytest.raises(InvalidSettings, match="ONECOPY_SHOW_PATH must be true or false"):
        read(path, {}, {"ONECOPY_SHOW_PATH": "yes"})
    with pytest.raises(InvalidSettings, match="page_origins must be a list of web origins"):
        read(write(here, 'page_origins = "https://a"\n'), {}, {})


SERVER = 'server = "https://planted.test"\n'


@pytest.mark.parametrize("source", ["environment", "command line", "own file"])
def test_a_server_of_a_found_file_gets_no_token(
    here: Path, own: Path, source: str, tmp_path: Path
) -> None:
    """Wherever the token comes from: the user must name the server, too."""
    path = write(here, SERVER)
    (tmp_path / "token").write_text("hush")
    token = str(tmp_path / "token")
    write(own, f'token_file = "{token}"\n' if source == "own file" else "")
    environment = {"XDG_CONFIG_HOME": str(own.parent)}
    if source == "environment":
        environment["ONECOPY_TOKEN"] = "hush"
    options = {"token_file": token} if source == "command line" else {}
    with pytest.raises(
        InvalidSettings, match=r"names the server 'https://planted\.test'"
    ) as raised:
        read(None, options, environment)
    assert "hush" not in str(raised.value)
    assert read(path, options, environment).token == "hush"
    server = {**options, "server": "https://planted.test"}
    assert read(None, server, environment).token == "hush"
    environment["ONECOPY_SERVER"] = "https://mine.test"
    assert read(None, options, environment).server == "https://mine.test"


def test_a_server_that_the_users_own_file_names_too(here: Path, own: Path) -> None:
    """The user named it: then it gets the token."""
    write(here, SERVER)
    write(own, SERVER)
    environment = {"XDG_CONFIG_HOME": str(own.parent), "ONECOPY_TOKEN": "t"}
    assert read(None, {}, environment).token == "t"


def test_the_working_directory_may_be_the_users_own_folder(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is the user's, not one that was found."""
    (own / "token").write_text("own-token")
    write(own, SERVER + 'token_file = "token"\n')
    monkeypatch.chdir(own)
    assert read(environment={"XDG_CONFIG_HOME": str(own.parent)}).token == "own-token"


@pytest.mark.parametrize(
    ("text", "environment", "chosen"),
    [
        (SERVER, {}, {"server"}),
        ('index = "sqlite:a"\nstore = "b"\nprice = 1\n', {}, {"index", "store"}),
        ('index = "sqlite:a"\nstore = "b"\n', {"ONECOPY_STORE": "c"}, {"index"}),
        ('index = "sqlite:a"\n', {"ONECOPY_SERVER": "http://x"}, set()),
        (SERVER, {"ONECOPY_STORE": "c"}, set()),
        (SERVER, {"ONECOPY_SERVER": "https://planted.test"}, set()),
        ('[tenants.a]\ntrust = ["md5"]\n', {}, {"tenants"}),
    ],
)
def test_what_a_found_file_chose(
    here: Path, text: str, environment: dict[str, str], chosen: set[str]
) -> None:
    """Only what counts in the end, and nothing that the user named as well."""
    path = write(here, text)
    assert read(environment=environment).found == chosen
    assert read(path, {}, environment).found == frozenset()


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    """Editors on Windows write one; in the settings and in the file of a token it means nothing."""
    (tmp_path / "token").write_text("secret\n", "utf-8-sig")
    file = tmp_path / "settings.toml"
    text = f"price = 5\ntoken_file = '{tmp_path / 'token'}'\nserver = 'http://127.0.0.1'\n"
    file.write_text(text, "utf-8-sig")
    found = read(file, {}, {})
    assert (found.price, found.token) == (5, "secret")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    """What PowerShell writes is not called invalid TOML."""
    file = tmp_path / "settings.toml"
    file.write_text("price = 5\n", encoding)
    with pytest.raises(InvalidSettings, match=r"settings.toml: it is UTF-16 .* save it as UTF-8"):
        read(file, {}, {})
    with pytest.raises(InvalidSettings, match=r"the token in .* save it as UTF-8"):
        read(None, {"token_file": str(file)}, {})


def test_the_line_of_another_encoding_is_named(tmp_path: Path) -> None:
    """Latin-1 is not UTF-8, and neither the bytes nor Python's codec are shown."""
    file = tmp_path / "settings.toml"
    file.write_bytes(b"price = 5\n# caf\xe9\n")
    with pytest.raises(InvalidSettings, match="line 2 is not UTF-8; save it as UTF-8"):
        read(file, {}, {})


def test_files_that_cannot_be_read_are_named_once(tmp_path: Path) -> None:
    """The message names the file and the cause, without the number of an error."""
    for options, file in (({}, tmp_path), ({"token_file": str(tmp_path)}, None)):
        with pytest.raises(InvalidSettings) as caught:
            read(file, options, {})
        assert str(caught.value).count(str(tmp_path)) == 1
        assert str(caught.value).endswith("Is a directory")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photos", "ONECOPY_TRUST: 'photos' is not TENANT=EVIDENCE"),
        ("=md5", "ONECOPY_TRUST: '=' is not TENANT=EVIDENCE"),
        ("a=md5 a=claimed", "ONECOPY_TRUST: tenant a is given twice"),
    ],
)
def test_trust_in_the_environment_is_explained(text: str, message: str) -> None:
    """A pair without a value, and a tenant given twice, are named."""
    with pytest.raises(InvalidSettings, match=message):
        read(None, {}, {"ONECOPY_TRUST": text})


def test_the_file_that_names_a_server_and_a_store_is_named(tmp_path: Path) -> None:
    """Not only "the file"."""
    file = tmp_path / "both.toml"
    file.write_text("server = 'http://127.0.0.1'\nstore = 'files'\n")
    with pytest.raises(InvalidSettings, match=r"both\.toml names both a server and store"):
        read(file, {}, {})


def test_quotas(tmp_path: Path) -> None:
    """A quota is for each tenant without one of its own; the environment has those for all."""
    assert read(write(tmp_path, "")).quotas.of("photos") == (inf, inf)
    path = write(
        tmp_path,
        'stored_quota = "1 TB"\nunsent_quota = 5000\n[tenants.photos]\nstored_quota = "2 TB"\n'
        '[tenants.archive]\nunsent_quota = "unlimited"\ntrust = ["md5"]\n',
    )
    found = read(path, environment={})
    assert found.quotas.of("other") == (1e12, 5000)
    assert found.quotas.of("photos") == (2e12, 5000)
    assert found.quotas.of("archive") == (1e12, inf)
    assert found.tenants == {"photos": frozenset(), "archive": frozenset({"md5"})}
    environment = {"ONECOPY_STORED_QUOTA": "3 GB", "ONECOPY_UNSENT_QUOTA": "unlimited"}
    found = read(path, environment=environment)
    assert found.quotas.of("other") == (3e9, inf)
    assert found.quotas.of("photos") == (2e12, inf)


@pytest.mark.parametrize("value", ["-1", '"much"', "true"])
@pytest.mark.parametrize("table", ["", "[tenants.photos]\n"])
def test_a_quota_is_a_number_of_bytes(tmp_path: Path, table: str, value: str) -> None:
    """Anything else is refused by name, in a file as in the environment."""
    with pytest.raises(InvalidSettings, match="stored_quota must be bytes"):
        read(write(tmp_path, f"{table}stored_quota = {value}\n"))
    with pytest.raises(InvalidSettings, match="ONECOPY_STORED_QUOTA must be bytes"):
        read(write(tmp_path, ""), environment={"ONECOPY_STORED_QUOTA": value.strip('"')})
