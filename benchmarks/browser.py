"""Speed of the page in Chromium: many small files, and one large file compared with spark-md5.

    python benchmarks/browser.py [--files N] [--bytes N] [--large MIB] [--rounds N] [--no-batch]

Starts `onecopy serve` over a folder store, and Chromium, which is driven by its DevTools protocol
without the domain `Network`: with it, Chromium copies the bodies of requests. N small files are
dropped as a folder and uploaded; then the page is loaded anew, and they are dropped again, so that
all are duplicates. A large file that is stored already is chosen; spark-md5 hashes it as its README
shows (web/node_modules must be installed). Times are taken in the page, from the drop or the choice
to the counters, which are drawn at most 0.2 s late. With --no-batch, the page believes that the
service accepts no batches.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SPARK = Path(__file__).parents[1] / "web/node_modules/spark-md5/spark-md5.min.js"
MiB = 1024 * 1024
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
WATCH = """
(() => {
  window.bench = {long: [], stored: 0, began: 0, ended: 0};
  const {bench} = window;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) bench.long.push(Math.round(entry.duration));
  }).observe({type: "longtask"});
  const count = (text) => {
    for (const result of JSON.parse(text).results) if (result.copy) bench.stored++;
    bench.ended = performance.now();
  };
  const begin = () => { bench.began = performance.now(); bench.long = []; };
  addEventListener("drop", begin, true);
  addEventListener("change", begin, true);
  const load = window.fetch;
  window.fetch = async (url, init) => {
    const response = await load(url, init);
    const {pathname} = new URL(url, document.baseURI);
    if (/uploads.complete$/.test(pathname)) response.clone().text().then(count);
    if (!/config$/.test(pathname) || !window.withoutBatches) return response;
    const config = await response.json();
    config.features = config.features.filter((name) => name !== "batch");
    return new Response(JSON.stringify(config), response);
  };
  const {open} = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, url) {
    if (/uploads.batch$/.test(String(url))) {
      this.addEventListener("load", () => count(this.responseText));
    }
    return open.apply(this, arguments);
  };
})();
"""
KNOWN = """
(async (files) => {
  const known = () => [...document.querySelectorAll(".counters > *")].some((counter) =>
    /already stored/i.test(counter.textContent) &&
    Number(counter.querySelector("b").textContent.replace(/[^0-9]/g, "")) === files);
  while (!known()) await new Promise((wake) => setTimeout(wake, 10));
  return [performance.now() - window.bench.began, window.bench.long];
})
"""
STORED = """
(async (files) => {
  while (window.bench.stored < files) await new Promise((wake) => setTimeout(wake, 50));
  return [window.bench.ended - window.bench.began, window.bench.long];
})
"""
SPARK_MD5 = """
(async () => {
  const input = document.querySelector("#spark");
  const [file] = input.files;
  const began = performance.now();
  const spark = new SparkMD5.ArrayBuffer();
  for (let at = 0; at < file.size; at += 2097152) {
    const slice = file.slice(at, at + 2097152);
    spark.append(await new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsArrayBuffer(slice);
    }));
  }
  spark.end();
  return performance.now() - began;
})()
"""


class Chromium:
    """A browser with one page, driven over a pipe."""

    def __init__(self, folder: Path) -> None:
        program = os.environ.get("ONECOPY_CHROMIUM") or shutil.which("chromium")
        if program is None:
            raise SystemExit("no browser: install chromium, or name one in ONECOPY_CHROMIUM")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        self._process = subprocess.Popen(  # it expects the pipe at descriptors 3 and 4
            [
                "/bin/sh",
                "-c",
                f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}',
                program,
                *FLAGS,
                f"--user-data-dir={folder}",
                "about:blank",
            ],
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest = b""
        self._last = 0
        self._session: str | None = None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """Call a method of the protocol; return its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._last:
            pass
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self) -> Any:  # noqa: ANN401 - JSON
        while b"\0" not in self._rest:
            self._rest += os.read(self._in, MiB)
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def run(self, script: str) -> Any:  # noqa: ANN401 - JSON
        """Run a script in the page; return its value once its promise is settled."""
        found = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise SystemExit(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def open(self, url: str, *, batches: bool) -> None:
        """Load the page, and wait until it is ready."""
        script = f"window.withoutBatches = {json.dumps(not batches)};{WATCH}"
        added = self.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.call("Page.navigate", url=url)
        self.run(
            "(async () => { while (document.readyState !== 'complete' || "
            "!document.querySelector('input[type=file]'))"
            " await new Promise((wake) => setTimeout(wake, 50)); })()"
        )
        self.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])
        time.sleep(1)

    def drop(self, path: Path) -> None:
        """Drop a file or folder, as the desktop does."""
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=100, y=150, data=data)

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file in an input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1024, help="MiB; 0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-batch", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        with serving(top) as url, browsing(top) as browser:
            if given.files:
                measure_small(top, url, browser, given)
            if given.large:
                measure_large(top, url, browser, given)


def measure_small(top: Path, url: str, browser: Chromium, given: argparse.Namespace) -> None:
    for number in range(given.rounds):
        folder = top / f"small-{number}"
        for at in range(given.files):
            part = folder / f"{at // 500}"
            part.mkdir(parents=True, exist_ok=True)
            (part / f"{at}").write_bytes(os.urandom(given.bytes))
        for name, script in (("upload", STORED), ("verdicts", KNOWN)):
            browser.open(url, batches=not given.no_batch)
            browser.drop(folder)
            taken, long = browser.run(f"{script}({given.files})")
            rate = given.files / taken * 1000
            print(
                f"{name} of {given.files} files of {given.bytes} bytes: {taken / 1000:.2f} s, "
                f"{rate:.0f} files/s; longest task {max(long, default=0)} ms, {len(long)} over 50 "
                f"ms; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        shutil.rmtree(folder)


def measure_large(top: Path, url: str, browser: Chromium, given: argparse.Namespace) -> None:
    path = top / "large"
    with path.open("wb") as file:
        for _ in range(given.large):
            file.write(os.urandom(MiB))
    browser.open(url, batches=True)
    browser.choose("[data-testid=files-input]", path)
    browser.run(f"{STORED}(1)")
    ratios = []
    for _ in range(given.rounds):
        browser.open(url, batches=True)
        browser.run("document.body.insertAdjacentHTML('beforeend', '<input type=file id=spark>')")
        browser.choose("#spark", path)
        browser.run(SPARK.read_text())
        spark = browser.run(SPARK_MD5)
        browser.open(url, batches=True)
        browser.choose("[data-testid=files-input]", path)
        ours, _ = browser.run(f"{KNOWN}(1)")
        ratios.append(spark / ours)
        print(
            f"{given.large} MiB: spark-md5 {spark / 1000:.2f} s, verdict {ours / 1000:.2f} s, "
            f"ratio {spark / ours:.1f}; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.1f}")


@contextmanager
def browsing(top: Path) -> Iterator[Chromium]:
    browser = Chromium(top / "profile")
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def serving(top: Path) -> Iterator[str]:
    """Serve a folder store on a free port; yield the URL."""
    (top / "files").mkdir()
    command = [sys.executable, "-m", "onecopy", "serve", "--port", "0"]
    command += ["--index", f"sqlite:{top}/index.sqlite", "--store", f"{top}/files"]
    with (top / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=top)
    try:
        yield address(top / "serve.log", process)
    finally:
        process.terminate()
        process.wait()


def address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Return the URL that the service says it listens at."""
    while process.poll() is None:
        _, found, rest = log.read_text().partition("onecopy is at ")
        if found and "\n" in rest:
            return rest.split()[0]
        time.sleep(0.1)
    raise SystemExit(log.read_text())


if __name__ == "__main__":
    main()
