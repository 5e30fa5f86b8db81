"""Speed and memory of the page in Chromium: many small files, a large file, and the first paint.

    python benchmarks/browser.py [--files N] [--bytes N] [--large MIB] [--rounds N] [--no-batch]

Starts `onecopy serve` over a folder store, and Chromium, which is driven by its DevTools protocol
without the domain `Network`: with it, Chromium copies the bodies of requests.

- N small files are dropped as a folder and uploaded. Then they are dropped again in a new tab, and
  all are duplicates: first without the digests that the page keeps in IndexedDB, so that all files
  are read, and then with them. With --no-batch, the page believes that the service accepts no
  batches.
- A large file that is stored already is chosen; spark-md5 hashes it as its README shows
  (web/node_modules must be installed). Memory is that of the renderer, which is new, at its peak
  until the verdict: the pages that are its alone, and its PSS, with its share of the others.
- The first paint is that of a new tab without cache on "Slow 4G": 150 ms of delay, 1.6 Mbit/s.

Times are taken in the page, from the drop or the choice to the counters, which are drawn at most
0.2 s late.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.chromium import Chromium

SPARK = Path(__file__).parents[1] / "web/node_modules/spark-md5/spark-md5.min.js"
MiB = 1024 * 1024
CHOOSER = "[data-testid=files-input]"
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
READY = """
new MutationObserver((_, watch) => {
  if (!document.querySelector("input[type=file]")) return;
  window.ready = performance.now();
  watch.disconnect();
}).observe(document, {childList: true, subtree: true});
"""
PAINT = '[performance.getEntriesByName("first-contentful-paint")[0].startTime, window.ready]'
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
            measure_paint(url, browser, given.rounds)
            if given.files:
                measure_small(top, url, browser, given)
            if given.large:
                measure_large(top, url, browser, given)


def measure_paint(url: str, browser: Chromium, rounds: int) -> None:
    painted, ready = [], []
    for _ in range(rounds):
        browser.renew()
        browser.call("Network.enable")
        browser.call("Network.setCacheDisabled", cacheDisabled=True)
        browser.call("Network.emulateNetworkConditions", **SLOW_4G)
        browser.open(url, READY)
        paint, drawn = browser.run(PAINT)
        painted.append(paint)
        ready.append(drawn)
    print(
        f"slow 4G: first paint {listed(painted)} ms, page ready {listed(ready)} ms; {load()}",
        flush=True,
    )


def measure_small(top: Path, url: str, browser: Chromium, given: argparse.Namespace) -> None:
    for number in range(given.rounds):
        folder = top / f"small-{number}"
        for at in range(given.files):
            part = folder / f"{at // 500}"
            part.mkdir(parents=True, exist_ok=True)
            (part / f"{at}").write_bytes(os.urandom(given.bytes))
        for name, script, forgets in (
            ("upload", STORED, False),
            ("verdicts", KNOWN, True),
            ("verdicts by kept digests", KNOWN, False),
        ):
            show(browser, url, batches=not given.no_batch, forgets=forgets)
            browser.drop(folder)
            taken, long = browser.run(f"{script}({given.files})")
            rate = given.files / taken * 1000
            print(
                f"{name} of {given.files} files of {given.bytes} bytes: {taken / 1000:.2f} s, "
                f"{rate:.0f} files/s; longest task {max(long, default=0)} ms, {len(long)} over 50 "
                f"ms; {load()}",
                flush=True,
            )
        shutil.rmtree(folder)


def measure_large(top: Path, url: str, browser: Chromium, given: argparse.Namespace) -> None:
    path = top / "large"
    with path.open("wb") as file:
        for _ in range(given.large):
            file.write(os.urandom(MiB))
    show(browser, url)
    browser.choose(CHOOSER, path)
    browser.run(f"{STORED}(1)")
    ratios = []
    for _ in range(given.rounds):
        show(browser, url)
        browser.run("document.body.insertAdjacentHTML('beforeend', '<input type=file id=spark>')")
        browser.choose("#spark", path)
        browser.run(SPARK.read_text())
        spark = browser.run(SPARK_MD5)
        show(browser, url)
        with peak_memory(browser) as peak:
            browser.choose(CHOOSER, path)
            ours, _ = browser.run(f"{KNOWN}(1)")
        ratios.append(spark / ours)
        print(
            f"{given.large} MiB: spark-md5 {spark / 1000:.2f} s, verdict {ours / 1000:.2f} s, "
            f"ratio {spark / ours:.1f}; renderer {peak['Private']:.0f} MB, PSS {peak['Pss']:.0f} "
            f"MB; {load()}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.1f}")


def show(browser: Chromium, url: str, *, batches: bool = True, forgets: bool = False) -> None:
    """Show the page in a new tab, perhaps without what it kept in IndexedDB."""
    browser.renew()
    if forgets:
        browser.forget(url)
    browser.open(url, f"window.withoutBatches = {json.dumps(not batches)};{WATCH}")


@contextmanager
def peak_memory(browser: Chromium) -> Iterator[dict[str, float]]:
    """Yield the most memory that the renderer has while the context lasts, in MB."""
    peak = {"Private": 0.0, "Pss": 0.0}
    pid, ended = browser.renderer(), Event()

    def watch() -> None:
        while not ended.wait(0.1):
            for kind, used in memory(pid).items():
                peak[kind] = max(peak[kind], used)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def memory(pid: int) -> dict[str, float]:
    """Return the pages of a process that are its alone, and its PSS, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(value.split()[0]) for name, _, value in (s.partition(":") for s in lines)}
    private = sizes["Private_Clean"] + sizes["Private_Dirty"]
    return {"Private": private * 1024 / 1e6, "Pss": sizes["Pss"] * 1024 / 1e6}


def listed(times: Sequence[float]) -> str:
    return ", ".join(f"{each:.0f}" for each in times)


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


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
