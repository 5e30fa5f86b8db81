"""The packages for npm: small, typed, and usable from their packed files, on another origin."""

import functools
import gzip
import json
import re
import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Run, Serve, Served, backends
from tests.page.conftest import MakeFile
from tests.page.packages import EXAMPLES, WEB, build, install, packed, run

_ROME = b"a picture of rome"
_LARGE = bytes(9 * 1024 * 1024)
_MOST = 20_000
"""Bytes of the client, compressed, without WebAssembly."""
_README = (WEB / "packages" / "client" / "README.md").read_text("utf-8")
_UPPY_README = (WEB / "packages" / "uppy" / "README.md").read_text("utf-8")
_BLOCK = re.compile(r"^```js\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Project(NamedTuple):
    """A folder in which the packages are installed, and the files that they come from."""

    folder: Path
    packages: list[Path]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Install the packages in a fresh project."""
    folder = tmp_path_factory.mktemp("project")
    packages = packed(tmp_path_factory.mktemp("packed"))
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    install(folder, packages)
    return Project(folder, packages)


class _Quiet(SimpleHTTPRequestHandler):
    """Serves a folder; a POST gets the token of the class."""

    token = ""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def do_GET(self) -> None:
        if self.path != "/favicon.ico":
            return super().do_GET()
        self.send_response(204)
        return self.end_headers()

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"token": self.token}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@contextmanager
def site(folder: Path, token: str) -> Iterator[str]:
    """Serve a folder on an origin of its own."""
    handler = functools.partial(type("Site", (_Quiet,), {"token": token}), directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def token(run: Run, tmp_path: Path) -> str:
    """Create a token as the READMEs of the examples do."""
    scopes = [word for scope in ("check", "upload", "read") for word in ("--scope", scope)]
    return run("token", "create", *scopes, *backends(tmp_path)).out.split()[-1]


class Visit(NamedTuple):
    """A page of another origin, and the service."""

    page: Page
    served: Served
    errors: list[str]
    """What the browser logged as errors."""


@contextmanager
def visited(
    chromium: Browser, server: Serve, folder: Path, token: str, path: str = ""
) -> Iterator[Visit]:
    """Serve a folder with pages, start a service that names its origin, and open a page."""
    with site(folder, token) as origin:
        served = server(None, "--page-origin", origin)
        context = chromium.new_context()
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: dialog.accept(token))
        page.goto(f"{origin}/{path.format(served.url)}")
        yield Visit(page, served, errors)
        context.close()


def names(package: Path) -> list[str]:
    """Return the files in a package."""
    with tarfile.open(package) as archive:
        return sorted(name.removeprefix("package/") for name in archive.getnames())


def test_files(project: Project) -> None:
    """A package has its modules, types, README and licences, and no sources or tests."""
    client, uppy = (names(package) for package in project.packages)
    assert {"index.js", "worker.js", "types/public.d.ts", "hash-wasm.LICENSE"} <= set(client)
    for package in (client, uppy):
        assert {"LICENSE", "README.md", "package.json", "index.js"} <= set(package)
        assert all(re.search(r"(\.(js|js\.map|d\.ts|json|md)|LICENSE)$", name) for name in package)
    for name in client:
        if name.endswith(".js"):
            text = (project.folder / "node_modules/@onecopy/client" / name).read_text("utf-8")
            assert not re.search(r"""(?:from|import\()\s*["'][^."']""", text), name


def test_size(project: Project) -> None:
    """The client is small; WebAssembly is in the worker, and in a file that few pages load."""
    folder = project.folder / "node_modules/@onecopy/client"
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in folder.glob("*.js")}
    assert sizes.keys() == {"index.js", "crc64.js", "worker.js", "hash-wasm.js"}
    wasm = sizes.pop("hash-wasm.js")
    assert sum(sizes.values()) - wasm < _MOST, sizes


def test_tree_shaking(project: Project) -> None:
    """A page that only uses the HTTP API gets little else."""
    entry = project.folder / "only" / "index.html"
    entry.parent.mkdir()
    entry.write_text(
        '<script type="module">import { Client } from "@onecopy/client";'
        'console.log(new Client({ root: "/" }).probe);</script>'
    )
    [script] = build(entry.parent).rglob("index-*.js")  # a worker is never loaded
    assert len(gzip.compress(script.read_bytes())) < 4_000
    assert "Worker(" not in script.read_text("utf-8")


_TYPED = """\
import { Onecopy, Paused, Problem, type Answer, type Progress } from "@onecopy/client";
import { OnecopyUploader } from "@onecopy/uppy";
import Uppy from "@uppy/core";

const onecopy = new Onecopy("https://copies.test/", { token: async () => "a" });
const answer: Answer = await onecopy.upload(new File([], "a"), {
  onProgress: ({ step, bytes }: Progress) => console.log(step, bytes),
});
const key: string | undefined = answer.copy?.key;
const wrong: number = key;
new Uppy().use(OnecopyUploader, { client: onecopy, key: (file) => file.name });
console.log(Paused, Problem, wrong);
"""


_GLOBALS = """\
declare const getToken: () => Promise<string>;
declare const file: File;
declare const files: File[];
declare const pause: { onclick: (() => void) | null };
"""


@pytest.mark.parametrize(
    ("module", "resolution"),
    [("node16", "node16"), ("esnext", "bundler")],
    ids=["node16", "bundler"],
)
def test_types(project: Project, module: str, resolution: str) -> None:
    """A strict compiler accepts the READMEs' examples, and finds the one error of a wrong use."""
    (project.folder / "typed.ts").write_text(_TYPED)
    (project.folder / "globals.d.ts").write_text(_GLOBALS)
    blocks = _BLOCK.findall(_README) + _BLOCK.findall(_UPPY_README)
    examples = [f"readme-{number}.ts" for number in range(len(blocks))]
    for example, block in zip(examples, blocks, strict=True):
        (project.folder / example).write_text(block)
    tsc = WEB / "node_modules" / "typescript" / "bin" / "tsc"
    options = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2022",
        *("--module", module, "--moduleResolution", resolution),
        *("--types", ""),
    ]
    with pytest.raises(AssertionError) as found:
        run("node", tsc, *options, "globals.d.ts", "typed.ts", *examples, cwd=project.folder)
    errors = re.findall(r"error TS\d+: .*", str(found.value))
    assert len(errors) == 1, errors
    assert "'undefined' is not assignable to type 'number'" in errors[0] or "TS2322" in errors[0]


def test_page(
    chromium: Browser, server: Serve, project: Project, token: str, local: MakeFile
) -> None:
    """The example without a bundler uploads small and large files, and knows them again."""
    shutil.copy(EXAMPLES / "page" / "index.html", project.folder)
    with visited(chromium, server, project.folder, token) as (page, served, errors):
        page.get_by_label("Service").fill(served.url)
        page.get_by_label("Token").fill(token)
        chooser, rows = page.get_by_label("Files"), page.locator("li")
        chooser.set_input_files([local("rome.jpg", _ROME), local("large.bin", _LARGE)])
        expect(rows).to_have_text(
            ["rome.jpg: uploaded as rome.jpg", "large.bin: uploaded as large.bin"]
        )
        chooser.set_input_files([local("other.jpg", _ROME), local("other.bin", _LARGE)])
        expect(rows.nth(2)).to_have_text("other.jpg: already stored as rome.jpg")
        expect(rows.nth(3)).to_have_text("other.bin: already stored as large.bin")
    assert (served.folder / "files" / "large.bin").read_bytes() == _LARGE
    assert errors == []


def test_uppy(
    chromium: Browser, server: Serve, project: Project, token: str, local: MakeFile
) -> None:
    """The example with Uppy marks a duplicate before anything is sent, and uploads the rest."""
    for name in ("index.html", "main.js"):
        shutil.copy(EXAMPLES / "uppy" / name, project.folder)
    built = build(project.folder)
    with visited(chromium, server, built, token, "?service={}") as (page, served, errors):
        (served.folder / "files" / "stored").mkdir(parents=True)
        chooser = page.locator(".uppy-Dashboard-input").first
        chooser.set_input_files([local("rome.jpg", _ROME), local("large.bin", _LARGE)])
        page.get_by_role("button", name="Upload 2 files").click()
        expect(page.get_by_text("Complete", exact=True)).to_be_visible()
        page.reload()
        page.locator(".uppy-Dashboard-input").first.set_input_files(
            [local("other.jpg", _ROME), local("oslo.jpg", b"oslo")]
        )
        mark = page.get_by_role("link", name="Duplicate")
        expect(mark).to_have_attribute("href", re.compile("^http://.*/v1/content"))
        assert not (served.folder / "files" / "oslo.jpg").exists()
        page.get_by_role("button", name="Upload 2 files").click()
        expect(page.get_by_text("Complete", exact=True)).to_be_visible()
    assert (served.folder / "files" / "large.bin").read_bytes() == _LARGE
    assert (served.folder / "files" / "oslo.jpg").read_bytes() == b"oslo"
    assert not (served.folder / "files" / "other.jpg").exists()
    assert errors == []


def test_filepond(
    chromium: Browser, server: Serve, project: Project, token: str, local: MakeFile
) -> None:
    """The example with FilePond uploads a file, and knows it again."""
    shutil.copy(EXAMPLES / "filepond" / "index.html", project.folder / "filepond.html")
    visit = visited(chromium, server, project.folder, token, "filepond.html")
    with visit as (page, served, errors):
        page.get_by_label("Service").fill(served.url)
        page.get_by_label("Token").fill(token)
        chooser, rows = page.locator("input[type=file]"), page.locator("#answers li")
        chooser.set_input_files(local("rome.jpg", _ROME))
        expect(rows).to_have_text(["rome.jpg: uploaded as rome.jpg"])
        chooser.set_input_files(local("other.jpg", _ROME))
        expect(rows.nth(1)).to_have_text("other.jpg: already stored as rome.jpg")
    assert (served.folder / "files" / "rome.jpg").read_bytes() == _ROME
    assert errors == []


_HARNESS = """\
<!doctype html>
<script type="importmap">
{"imports": {"@onecopy/client": "./node_modules/@onecopy/client/index.js"}}
</script>
<script type="module">
globalThis.token = TOKEN;
globalThis.getToken = async () => token;
globalThis.pause = {};
globalThis.file = new File(["rome"], "rome.jpg");
globalThis.files = [file, new File(["oslo"], "oslo.jpg"), new File(["rome"], "copy.jpg")];
const logged = [];
console.log = (line) => logged.push(line);
await import("./block.js").catch((error) => console.error(error.message));
document.body.textContent = `done: ${logged}`;
</script>
"""


def test_readme(chromium: Browser, server: Serve, project: Project, token: str) -> None:
    """The examples in the client's README run as they stand."""
    harness = _HARNESS.replace("TOKEN", json.dumps(token))
    (project.folder / "readme.html").write_text(harness)
    said = []
    with visited(chromium, server, project.folder, token, "package.json") as visit:
        for block in _BLOCK.findall(_README):
            code = block.replace("https://copies.example.org/", visit.served.url)
            (project.folder / "block.js").write_text(code)
            visit.page.goto(visit.page.url.replace("package.json", "readme.html"))
            expect(visit.page.locator("body")).to_contain_text("done:")
            said.append(visit.page.locator("body").inner_text().removeprefix("done:").strip())
    assert visit.errors == []
    placed = "stored as album/rome.jpg"
    assert said == ["", "2 of 3 files are already stored", said[2], placed, "default", "sha256"]
    assert said[2].endswith("stored as inbox/rome.jpg")
