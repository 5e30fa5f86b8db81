"""The functions' package: onecopy and what it needs, as their machines need it.

Built of wheels alone, whatever machine builds it: `pip` is told the platform, and what it fetches
is compared with the hashes in requirements.txt. boto3 is the runtime's own.
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

NEEDED = ("httptools", "msgspec", "starlette")
"""Those of our dependencies that the functions import, besides boto3."""
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
_SOURCE = Path(__file__).parents[2]
_LEFT_OUT = (("aws", "deploy"), ("page",), ("testing",))
"""What no function imports; the page is served from its bucket."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file, so that equal contents make equal packages."""
_READABLE = 0o644 << 16


class Target(NamedTuple):
    """The machines that run the functions."""

    python: str = "3.13"
    architecture: str = "arm64"

    @property
    def platform(self) -> str:
        """The platform of compiled wheels (PEP 599): what every Lambda runtime can load."""
        return f"manylinux2014_{ARCHITECTURES[self.architecture]}"


class Package(NamedTuple):
    """What the functions are made of."""

    files: Mapping[str, bytes]
    """By their paths."""
    python: str | None = None
    """A Python of the functions' version on this machine: it compiles the modules beforehand, which
    spares each new process of a function a third of its start."""

    @property
    def digest(self) -> str:
        """SHA-256 of names and contents; what is compiled or compressed may have other bytes."""
        whole = sha256(b"compiled\n" if self.python else b"")
        for name, content in sorted(self.files.items()):
            whole.update(f"{name}\n{len(content)}\n".encode() + content)
        return whole.hexdigest()

    @property
    def zipped(self) -> bytes:
        """The package as Lambda takes it."""
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
    """Return the package; raises Failure if its wheels can't be had."""
    with TemporaryDirectory(prefix="onecopy-package-") as folder:
        _download(target, Path(folder))
        needed = {
            name: content
            for wheel in sorted(Path(folder).glob("*.whl"))
            for name, content in _unpacked(wheel)
        }
    return Package({**needed, **dict(_own())}, _interpreter(target.python))


def _interpreter(python: str) -> str | None:
    """Return a Python of this version, if there is one here."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = sys.executable if python == ours else which(f"python{python}")
    if found is None:
        return None
    # What stands for a version manager may be there without the version.
    said = subprocess.run([found, "--version"], check=False, capture_output=True, text=True)  # noqa: S603
    return found if said.stdout.startswith(f"Python {python}.") else None


def _compiled(files: Mapping[str, bytes], python: str) -> dict[str, bytes]:
    """Return compiled modules, which are never compared with their sources again (PEP 552)."""
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
    """Return what pip has to be told, to choose wheels for other machines than this."""
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
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise InvalidSettings(
            f"the package of the functions is built with pip, which {sys.executable} lacks: "
            "python -m ensurepip"
        )
    raise Failure(
        f"pip can't fetch what the functions need: {_last(done.stderr)}\n"
        "Without a way to a package index: on a machine that has one,\n"
        f"  pip download --no-deps --dest wheels --requirement {REQUIREMENTS} "
        f"{' '.join(pip_options(target)[2:])}\n"
        "then bring the folder here, and set PIP_NO_INDEX=1 PIP_FIND_LINKS=wheels"
    )


def _last(said: str) -> str:
    errors = [line for line in said.splitlines() if line.startswith("ERROR:")]
    return errors[-1].removeprefix("ERROR: ") if errors else said.strip()


def _unpacked(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)


def _own() -> Iterator[tuple[str, bytes]]:
    """Yield our own modules."""
    for path in _SOURCE.rglob("*.py"):
        inside = path.relative_to(_SOURCE)
        if not any(inside.parts[: len(left)] == left for left in _LEFT_OUT):
            yield f"onecopy/{inside.as_posix()}", path.read_bytes()
