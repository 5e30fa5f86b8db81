"""Check the packages in dist/: the page is in both, and the sdist installs without git or npm."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

_DIST = Path(__file__).parent.parent / "dist"
_INSTALLED = """
import onecopy
from onecopy.http.options import PAGE
assert (PAGE / "index.html").is_file(), "the installed package has no page"
print("installed onecopy", onecopy.__version__)
"""


def main() -> None:
    """Check the one sdist and the one wheel in dist/."""
    [wheel], [sdist] = _DIST.glob("*.whl"), _DIST.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        _check_pages(wheel.name, archive.namelist(), "onecopy/")
    with tarfile.open(sdist) as archive, TemporaryDirectory() as folder:
        root = sdist.name.removesuffix(".tar.gz")
        _check_pages(sdist.name, archive.getnames(), f"{root}/src/onecopy/")
        archive.extractall(folder, filter="data")
        _install(Path(folder), root)


def _check_pages(package: str, names: list[str], prefix: str) -> None:
    wanted = {f"{prefix}page/index.html", f"{prefix}report/page/report.js"}
    scripts = [name for name in names if name.startswith(f"{prefix}page/") and name.endswith(".js")]
    if not wanted <= {*names} or not scripts:
        sys.exit(f"{package} does not contain the page: run `make page`, then `make dist`")


def _install(folder: Path, root: str) -> None:
    """Install the unpacked sdist into a new environment, and start it there.

    Neither git nor npm is on the PATH: the page in the sdist must be used as it is.
    """
    venv.create(folder / "venv", with_pip=True)
    binaries = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    _run(folder, binaries / "python", "-m", "pip", "install", "--quiet", folder / root)
    _run(folder, binaries / "python", "-c", _INSTALLED)
    _run(folder, binaries / "onecopy", "check", folder / root / "LICENSE")


def _run(folder: Path, program: Path, *arguments: str | Path) -> None:
    environment = {**os.environ, "PATH": str(program.parent)}
    subprocess.run([program, *arguments], cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    main()
