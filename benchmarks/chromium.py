"""Chromium, driven over a pipe by its DevTools protocol, for other benchmarks."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

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
_READY = """
(async () => {
  while (document.readyState !== "complete" || !document.querySelector("input[type=file]")) {
    await new Promise((wake) => setTimeout(wake, 50));
  }
})()
"""
_WORK = "for (const began = performance.now(); performance.now() < began + 300; );"


class Chromium:
    """A browser with one tab, driven over a pipe."""

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
        targets = self.command("Target.getTargets")["targetInfos"]
        self._tab = next(each["targetId"] for each in targets if each["type"] == "page")
        self._session = ""

    def command(self, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """Call a method of the browser; return its result."""
        return self._call({"method": method, "params": params})

    def call(self, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """Call a method of the tab; return its result."""
        return self._call({"method": method, "params": params, "sessionId": self._session})

    def _call(self, message: dict[str, object]) -> Any:  # noqa: ANN401 - JSON
        self._last += 1
        os.write(self._out, json.dumps({**message, "id": self._last}).encode() + b"\0")
        while (answer := self._next()).get("id") != self._last:
            pass
        if "error" in answer:
            raise SystemExit(f"{message['method']}: {answer['error']}")
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

    def renew(self) -> None:
        """Replace the tab by an empty one, so that the next page has a process of its own."""
        before = self._tab
        self._tab = self.command("Target.createTarget", url="about:blank")["targetId"]
        attached = self.command("Target.attachToTarget", targetId=self._tab, flatten=True)
        self._session = attached["sessionId"]
        self.command("Target.closeTarget", targetId=before)
        self.call("Page.enable")
        time.sleep(0.5)  # the old page may still write what it keeps

    def open(self, url: str, before: str = "") -> None:
        """Load the page in the tab, and wait until it is ready; a script may run `before` it."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.call("Page.navigate", url=url)
        self.run(_READY)
        time.sleep(1)

    def forget(self, url: str) -> None:
        """Remove what pages of an origin keep in IndexedDB."""
        self.call("Storage.clearDataForOrigin", origin=url.rstrip("/"), storageTypes="indexeddb")

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

    def renderer(self) -> int:
        """Return the id of the page's process: the one that works while the page does."""
        before = self._cpu_times()
        self.run(_WORK)
        after = self._cpu_times()
        return max(after, key=lambda pid: after[pid] - before.get(pid, 0.0))

    def _cpu_times(self) -> dict[int, float]:
        processes = self.command("SystemInfo.getProcessInfo")["processInfo"]
        return {each["id"]: each["cpuTime"] for each in processes if each["type"] == "renderer"}

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait()
