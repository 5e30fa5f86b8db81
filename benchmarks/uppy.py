"""Uppy with `@onecopy/uppy`, compared with Uppy with `@uppy/aws-s3` on the same files, in Chromium.

    python benchmarks/uppy.py [--files N] [--bytes N] [--rounds N]

Needs `make .make/web`, and npm: it packs the packages, and installs them with Uppy in a temporary
folder. `@uppy/aws-s3` sends each file with one PUT to a server that writes it into a folder and
flushes it; `@onecopy/uppy` hashes and checks the files, and uploads them to `onecopy serve` over a
folder store, then again, so that all are duplicates. Both are of another origin than the page.
Times are taken in the page, from `addFiles` until the upload has ended.
"""

import argparse
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

WEB = Path(__file__).parents[1] / "web"
UPPY = ("@uppy/core@6.3.1", "@uppy/aws-s3@6.3.1")
PAGE = '<link rel="icon" href="data:,"><script type="module" src="./main.js"></script>'
SCRIPT = """
import { OnecopyUploader } from "@onecopy/uppy";
import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";

function made(count, size, round) {
  return Array.from({ length: count }, (_, at) => {
    const bytes = new Uint8Array(size).fill(at);
    new DataView(bytes.buffer).setUint32(0, round * count + at);
    const name = `${round}-${at}.bin`;
    return { name, type: "application/octet-stream", data: new File([bytes], name) };
  });
}

window.measure = async ({ kind, count, size, round, service, token, bucket }) => {
  const uppy = new Uppy();
  const signRequest = async ({ key }) => ({ url: `${bucket}/${encodeURIComponent(key)}` });
  if (kind === "onecopy") uppy.use(OnecopyUploader, { url: service, token });
  else uppy.use(AwsS3, { shouldUseMultipart: false, signRequest });
  const files = made(count, size, round);
  const began = performance.now();
  uppy.addFiles(files);
  const { successful } = await uppy.upload();
  if (successful.length !== count) throw new Error(`${successful.length} of ${count} succeeded`);
  return performance.now() - began;
};
"""


class Site(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class Bucket(Site):
    """Stores what is sent to it, as a bucket that allows every origin."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        with Path(self.directory, self.path.strip("/")).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.do_OPTIONS()

    def do_OPTIONS(self) -> None:
        self.send_response(200)
        for name in ("Origin", "Methods", "Headers"):
            self.send_header(f"Access-Control-Allow-{name}", "PUT" if name == "Methods" else "*")
        self.send_header("Access-Control-Expose-Headers", "ETag")
        self.send_header("ETag", '"etag"')
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serving(handler: type[Site], folder: Path) -> Iterator[str]:
    """Run a server over a folder; yield its origin."""
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def onecopy(folder: Path, origin: str) -> Iterator[tuple[str, str]]:
    """Run the service for pages of an origin; yield its URL and a token."""
    program = [sys.executable, "-m", "onecopy"]
    options = ["--index", f"sqlite:{folder}/index.sqlite", "--store", f"{folder}/files"]
    scopes = ["--scope", "check", "--scope", "upload"]
    create = [*program, "token", "create", *scopes, *options]
    token = subprocess.run(create, capture_output=True, text=True, check=True).stdout.split()[-1]
    serve = [*program, "serve", "--port", "0", "--page-origin", origin, *options]
    with subprocess.Popen(serve, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = next(line for line in process.stderr if "onecopy is at " in line).split()[-1]
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield url, token
        process.terminate()


def build(folder: Path) -> Path:
    """Pack and install the packages, and build the page; return its folder."""
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    (folder / "index.html").write_text(PAGE)
    (folder / "main.js").write_text(SCRIPT)
    packages = [f"./packages/{name}/dist" for name in ("client", "uppy")]
    run(WEB, "npm", "run", "dist")
    run(WEB, "npm", "pack", "--silent", "--pack-destination", str(folder), *packages)
    run(folder, "npm", "install", "--silent", "--no-audit", *map(str, folder.glob("*.tgz")), *UPPY)
    run(folder, "node", str(WEB / "node_modules/vite/bin/vite.js"), "build")
    return folder / "dist"


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folders = [Path(made, name) for name in ("page", "bucket", "service")]
        for folder in folders:
            folder.mkdir()
        own = os.environ.get("ONECOPY_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        with (
            serving(Site, build(folders[0])) as page,
            serving(Bucket, folders[1]) as bucket,
            onecopy(folders[2], page) as (service, token),
        ):
            where = {"bucket": bucket, "service": service, "token": token}
            for number in range(given.rounds):
                files = {"count": given.files, "size": given.bytes, "round": number}
                measure(browser, page, {**files, **where})
        browser.close()


def measure(browser: Browser, page: str, given: dict[str, object]) -> None:
    """Upload the same files in three ways, and print the times."""
    floor = None
    for name in ("@uppy/aws-s3", "onecopy", "onecopy, again"):
        context = browser.new_context()
        window = context.new_page()
        window.set_default_timeout(0)
        window.goto(page)
        kind = name.split(",")[0]
        taken = window.evaluate("(given) => measure(given)", {**given, "kind": kind}) / 1000
        context.close()
        floor = floor or taken
        print(
            f"{name}: {given['count']} files of {given['size']} bytes in {taken:.1f} s, "
            f"{taken / floor:.2f} of @uppy/aws-s3; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
