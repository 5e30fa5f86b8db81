"""The packages for npm, built, packed, and installed in a project of their own."""

import subprocess
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"
EXAMPLES = Path(__file__).parents[2] / "examples"
_OTHERS = ("@uppy/core@6.3.1", "@uppy/dashboard@6.0.3", "filepond@4.32.12")


def run(*command: str | Path, cwd: Path = WEB) -> str:
    """Run a command, and return what it prints; fail with all that it says."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def packed(folder: Path) -> list[Path]:
    """Build the packages, and return the files that would be published."""
    run("npm", "run", "dist")
    built = [f"./packages/{name}/dist" for name in ("client", "uppy")]
    run("npm", "pack", "--pack-destination", folder, *built)
    return sorted(folder.glob("onecopy-*.tgz"))


def install(project: Path, packages: list[Path]) -> None:
    """Install packed files in an empty folder, and the packages of others that the examples use."""
    options = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"]
    run("npm", "install", *options, *packages, *_OTHERS, cwd=project)


def build(project: Path, *entries: str) -> Path:
    """Build pages with Vite as it comes, and return the folder with them."""
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    run("node", vite, "build", project, "--outDir", project / "built", *entries)
    return project / "built"
