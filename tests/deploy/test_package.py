"""The functions' package: the same from everywhere, and nothing in it that they can't load."""

import ast
import importlib.util
import re
import sys
import tomllib
from functools import cache
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

import onecopy.aws.deploy.package as packages
from onecopy.aws.deploy.choices import ARCHITECTURES
from onecopy.aws.deploy.package import NEEDED, REQUIREMENTS, Package, Target, build
from onecopy.errors import Failure

_PROJECT = Path(__file__).parents[2] / "pyproject.toml"
_MOST = 15_000_000
_ELF = {b"\x3e\x00": "x86_64", b"\xb7\x00": "arm64"}
"""e_machine of compiled modules."""
_OF_THE_RUNTIME = {"boto3", "botocore"}
_ELSEWHERE = {
    "anycrc",
    "cryptography",
    "jwt",
    "prometheus_client",
    "apsw",
    "click",
    "duckdb",
    "psycopg",
    "py4j",
    "pyarrow",
    "pyspark",
    "tqdm",
    "uvicorn",
}
"""What only commands and other engines import."""

pytestmark = pytest.mark.server  # it takes a package index


@cache
def package(target: Target = Target()) -> Package:  # noqa: B008 - a value
    """Build each package once."""
    return build(target)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_compiled_is_for_the_machines_of_the_functions(architecture: str) -> None:
    """Not for the one that builds it."""
    files = package(Target(architecture=architecture)).files
    compiled = {name: content for name, content in files.items() if content[:4] == b"\x7fELF"}
    assert compiled
    assert all("cpython-313" in name or "abi3" in name for name in compiled), compiled.keys()
    assert {_ELF[content[18:20]] for content in compiled.values()} == {architecture}
    assert not [name for name in files if name.endswith((".so", ".pyd")) and name not in compiled]


def test_wheels_say_the_same() -> None:
    """Every wheel in it is for any machine, or for this one."""
    said = [
        line.removeprefix("Tag: ")
        for name, content in package().files.items()
        if name.endswith(".dist-info/WHEEL")
        for line in content.decode().splitlines()
        if line.startswith("Tag: ")
    ]
    assert said
    assert [tag for tag in said if tag.endswith("aarch64")]
    assert not [tag for tag in said if not tag.endswith(("-none-any", "aarch64"))]


def test_it_is_small() -> None:
    """A small package starts sooner."""
    assert len(package().zipped) < _MOST


def test_equal_contents_make_equal_packages() -> None:
    """A new deployment of the same changes nothing."""
    again = build(Target())
    assert again.digest == package().digest
    assert again._replace(python=None).zipped == package()._replace(python=None).zipped


def test_another_content_makes_another_package() -> None:
    """And so does another name."""
    files = package().files
    changed = Package({**files, "onecopy/__init__.py": b"# changed\n"})
    moved = Package({**files, "onecopy/other.py": b""})
    assert len({each._replace(python=None).digest for each in (package(), changed, moved)}) == 3


def test_it_has_our_modules_and_neither_page_nor_tests() -> None:
    """What no function imports stays out of it."""
    with ZipFile(BytesIO(package().zipped)) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert {"onecopy/http/app.py", "onecopy/store/s3/store.py"} <= set(names)
    ours = {name.split("/")[1] for name in names if name.startswith("onecopy/")}
    assert not {"page", "deploy", "testing"} & ours
    assert not [name for name in names if name.startswith("/") or ".." in name]


def test_modules_are_compiled_where_the_functions_python_is_at_hand() -> None:
    """Every one, so that no function does it again at each start; without, it goes as well."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    here = package(Target(ours))
    assert here.python == sys.executable
    with ZipFile(BytesIO(here.zipped)) as archive:
        compiled = [name for name in archive.namelist() if name.endswith(".pyc")]
        assert len(compiled) == len([name for name in here.files if name.endswith(".py")])
        assert all(f".cpython-{ours.replace('.', '')}." in name for name in compiled)
        assert {archive.read(name)[:4] for name in compiled} == {importlib.util.MAGIC_NUMBER}
        assert {archive.read(name)[4:8] for name in compiled} == {b"\1\0\0\0"}, "unchecked"
    assert here.digest != here._replace(python=None).digest
    assert packages._interpreter("3.0") is None


def test_everything_that_is_imported_is_in_it() -> None:
    """But for what the runtime brings, and for what only commands and other engines need."""
    there = {name.split("/")[0].removesuffix(".py") for name in package().files}
    wanted = {
        imported
        for name, content in package().files.items()
        if name.startswith("onecopy/")
        for imported in _imports(content.decode())
    }
    beyond = wanted - there - set(sys.stdlib_module_names) - _OF_THE_RUNTIME
    assert {name for name in beyond if not name.startswith("mypy_boto3")} <= _ELSEWHERE


def _imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_what_is_locked_is_what_the_project_asks_for() -> None:
    """Each release that is locked is one that pyproject.toml takes, with hashes."""
    locked = dict(re.findall(r"^([\w-]+)==(\S+) \\$", REQUIREMENTS.read_text(), re.MULTILINE))
    locked = {name.replace("_", "-"): version for name, version in locked.items()}
    asked = {
        requirement.name: requirement.specifier
        for requirement in map(
            Requirement, tomllib.loads(_PROJECT.read_text())["project"]["dependencies"]
        )
    }
    assert set(NEEDED) <= locked.keys()
    assert all(asked[name].contains(locked[name]) for name in NEEDED)


def test_without_a_package_index_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheels can be copied manually; without any, the error is clear."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(Failure, match=r"pip download .*--platform=manylinux2014_aarch64") as raised:
        build(Target())
    assert "PIP_FIND_LINKS" in str(raised.value)


def test_wheels_that_were_brought_by_hand_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the error says it."""
    packages._download(Target(), tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert build(Target()).digest == package().digest
