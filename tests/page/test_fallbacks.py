"""The page in browsers that lack something: what it uses instead."""

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Serve
from tests.page.conftest import MakeFile, opened

_LARGE = bytes(9 * 1024 * 1024)
_WITHOUT = {
    # As a browser that starts classic scripts only, in which `import` is an error.
    "module workers": """
        const Native = Worker;
        window.Worker = class extends Native { constructor(url) { super(url); } };""",
    "workers, BYOB readers, crypto.subtle, locks and File System Access": """
        delete window.Worker;
        const native = ReadableStream.prototype.getReader;
        ReadableStream.prototype.getReader = function (options) {
          if (options?.mode === "byob") throw new TypeError("no byte stream");
          return native.call(this, options);
        };
        Object.defineProperty(crypto, "subtle", { value: undefined });
        Object.defineProperty(navigator, "locks", { value: undefined });
        delete window.showDirectoryPicker;
        delete window.showOpenFilePicker;
        delete DataTransferItem.prototype.getAsFileSystemHandle;""",
    "room for what it keeps": """
        const full = () => { throw new DOMException("no room", "QuotaExceededError"); };
        Storage.prototype.setItem = IDBObjectStore.prototype.put = full;""",
    # As where the user blocks cookies.
    "storage, locks and IndexedDB": """
        const deny = () => { throw new DOMException("denied", "SecurityError"); };
        for (const name of ["localStorage", "sessionStorage"]) {
          Object.defineProperty(window, name, { configurable: true, get: deny });
        }
        LockManager.prototype.request = LockManager.prototype.query = async () => deny();
        IDBFactory.prototype.open = deny;""",
}


@pytest.mark.parametrize("feature", _WITHOUT)
def test_without(chromium: Browser, server: Serve, local: MakeFile, feature: str) -> None:
    """Files and folders are uploaded and known again without what most browsers have."""
    with opened(chromium, server(), _WITHOUT[feature]) as window:
        window.choose(local("rome.jpg", b"rome"), local("large.bin", _LARGE))
        window.wait("rome.jpg", "uploaded")
        window.wait("large.bin", "uploaded")
        window.drop(local("trip/oslo.jpg", b"oslo").parent)
        window.wait("trip/oslo.jpg", "uploaded")
        window.choose(local("again.bin", _LARGE))
        expect(window.wait("again.bin", "duplicate")).to_contain_text("large.bin")
        if feature == "module workers":  # the browser logs the error in the worker's script
            window.complaints.clear()
        window.holds("large.bin", "rome.jpg", "trip/oslo.jpg")
