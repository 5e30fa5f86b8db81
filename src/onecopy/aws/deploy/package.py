"""The functions' package: onecopy and its dependencies, for the platform of the functions.

It is built from wheels only, so that any machine can build it: pip gets the platform as an option,
and compares its downloads with the hashes in requirements.txt. boto3 is part of the runtime.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from onecopy.aws.deploy.choices import ARCHITECTURES
from onecopy.errors import Failure, InvalidSettings

NEEDED = ("httptools", "msgspec", "pathspec", "starlette")
"""The dependencies that the functions import, besides boto3."""
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
_SOURCE = Path(__file__).parents[2]
_EXCLUDED = (("aws", "deploy"), ("page",), ("report", "page"), ("testing",))
"""Folders that no function needs; the page is served from its bucket."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every file, so that equal contents make equal packages."""
_READABLE = 0o644 << 16


class Target(NamedTuple):
    """The platform of the functions."""

    python: str = "3.13"
    architecture: str = "arm64"

    @property
    def platform(self) -> str:
        """Platform tag of compiled wheels (PEP 599) that every Lambda runtime can load."""
        return f"manylinux2014_{ARCHITECTURES[self.architecture]}"


class Package(NamedTuple):
    """The files of the functions."""

    files: Mapping[str, bytes]
    """Content by path."""
    python: str | None = None
    """Path of an interpreter of the functions' version, which compiles the modules in advance: that
    makes cold starts a third shorter. None if this machine has none."""

    @property
    def digest(self) -> str:
        """SHA-256 of names and contents, before compilation and compression, which may vary."""
        whole = sha256(b"compiled\n" if self.python else b"")
        for name, content in sorted(self.files.items()):
            whole.update(f"{name}\n{len(content)}\n".encode() + content)
        return whole.hexdigest()

    @property
    def zipped(self) -> bytes:
        """The package as a zip file for Lambda."""
        compiled = _compiled(self.files, self.python) if self.python else {}
        buffer = BytesIO()
        with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in sorted({**self.files, **compiled}.items()):
                info = ZipInfo(name, _DATE)
                info.compress_type = ZIP_DEFLATED
                info.external_attr = _READABLE
                archive.writestr(info, content)
        return buffer.getvalue()


def build(target: Target) -> Package:
    """Return the package; raises Failure if pip cannot download its wheels."""
    with TemporaryDirectory(prefix="onecopy-package-") as folder:
        _download(target, Path(folder))
        needed = {
            name: content
            for wheel in sorted(Path(folder).glob("*.whl"))
            for name, content in _unpacked(wheel)
        }
    return Package({**needed, **dict(_own())}, _interpreter(target.python))


def _interpreter(python: str) -> str | None:
    """Return the path of an interpreter of this version; None if there is none."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    path = sys.executable if python == ours else which(f"python{python}")
    if path is None:
        return None
    # A shim of a version manager may exist without the version.
    result = subprocess.run([path, "--version"], check=False, capture_output=True, text=True)  # noqa: S603
    return path if result.stdout.startswith(f"Python {python}.") else None


def _compiled(files: Mapping[str, bytes], python: str) -> dict[str, bytes]:
    """Return compiled modules, which Python never checks against their sources (PEP 552)."""
    with TemporaryDirectory(prefix="onecopy-package-") as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        subprocess.run([*command, "-s", folder, folder], check=True, capture_output=True)  # noqa: S603
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in Path(folder).rglob("*.pyc")
        }


def pip_options(target: Target) -> list[str]:
    """Return the options with which pip chooses wheels for the target instead of this machine."""
    return [
        "--disable-pip-version-check",
        "--no-input",
        "--only-binary=:all:",
        f"--platform={target.platform}",
        "--implementation=cp",
        f"--python-version={target.python}",
    ]


def _download(target: Target, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += [f"--dest={folder}", f"--requirement={REQUIREMENTS}", *pip_options(target)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    if result.returncode == 0:
        return
    if "No module named pip" in result.stderr:
        raise InvalidSettings(
            f"{sys.executable} lacks pip, which builds the package of the functions; run: "
            "python -m ensurepip"
        )
    raise Failure(
        f"pip cannot download the dependencies of the functions: {_last_error(result.stderr)}\n"
        "If this machine has no access to a package index, run on one that has:\n"
        f"  pip download --no-deps --dest wheels --requirement {REQUIREMENTS} "
        f"{' '.join(pip_options(target)[2:])}\n"
        "then copy the folder here, and set PIP_NO_INDEX=1 PIP_FIND_LINKS=wheels"
    )


def _last_error(output: str) -> str:
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    return errors[-1].removeprefix("ERROR: ") if errors else output.strip()


def _unpacked(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)


def _own() -> Iterator[tuple[str, bytes]]:
    """Yield the modules of onecopy."""
    for path in _SOURCE.rglob("*.py"):
        inside = path.relative_to(_SOURCE)
        if not any(inside.parts[: len(parts)] == parts for parts in _EXCLUDED):
            yield f"onecopy/{inside.as_posix()}", path.read_bytes()
