import { afterEach, describe, expect, it, vi } from "vitest";
import { hashGroup } from "../../src/digest/group.ts";
import { Hasher } from "../../src/digest/hasher.ts";
import type { FromWorker, ToWorker } from "../../src/digest/messages.ts";
import { FileUnreadable } from "../../src/digest/read.ts";
import { hex, parseScheme } from "../../src/digest/scheme.ts";

const SHA256 = [parseScheme("sha256")];
const BOTH = ["sha256", "md5"].map(parseScheme);
const HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const HELLO_MD5 = "5d41402abc4b2a76b9719d911017c592";
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** A file that has changed since it was chosen. */
class Changed extends Blob {
  override arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.reject(new DOMException("changed", "NotReadableError"));
  }
}

/** A worker on this thread; counts the messages. */
class LocalWorker {
  static tasks: ToWorker[] = [];
  static isBroken = false;
  onmessage: (event: { data: FromWorker }) => void = () => undefined;
  onerror: (event: { message: string }) => void = () => undefined;
  postMessage(task: ToWorker) {
    LocalWorker.tasks.push(task);
    if (LocalWorker.isBroken) setTimeout(() => this.onerror({ message: "no modules" }));
    else if ("group" in task) {
      void hashGroup(task.group).then((group) => this.onmessage({ data: { id: task.id, group } }));
    }
  }
  terminate() {}
}

afterEach(() => {
  vi.unstubAllGlobals();
  LocalWorker.tasks = [];
  LocalWorker.isBroken = false;
});

describe("a group of small files", () => {
  it("is hashed under the schemes of each file", async () => {
    const found = await hashGroup([
      { file: new Blob(["hello"]), schemes: SHA256 },
      { file: new Blob([]), schemes: SHA256 },
      { file: new Blob(["hello"]), schemes: BOTH },
    ]);
    const digests = found.map((each) => ("message" in each ? each.message : each.map(hex)));
    expect(digests).toEqual([[HELLO], [EMPTY], [HELLO, HELLO_MD5]]);
  });

  it("is read one by one if a file can't be read", async () => {
    class Joined extends Blob {
      constructor(parts: BlobPart[]) {
        super(parts);
        this.arrayBuffer = () => Promise.reject(new DOMException("changed", "NotReadableError"));
      }
    }
    const files = [new Blob(["hello"]), new Changed(["x"])];
    vi.stubGlobal("Blob", Joined);
    const [good, bad] = await hashGroup(files.map((file) => ({ file, schemes: SHA256 })));
    expect(good).toHaveLength(1);
    expect(bad).toEqual({ name: "FileUnreadable", message: "changed" });
  });
});

describe("a hasher with workers", () => {
  it("hands small files over together", async () => {
    vi.stubGlobal("Worker", LocalWorker);
    const hasher = new Hasher();
    const files = Array.from({ length: 150 }, () => new Blob(["hello"]));
    const read: number[] = [];
    const options = { onRead: (bytes: number) => read.push(bytes) };
    const found = await Promise.all(files.map((file) => hasher.digests(file, [], options)));
    expect(new Set(found.map(({ content }) => content))).toEqual(new Set([`sha256:${HELLO}`]));
    expect(LocalWorker.tasks.map((task) => ("group" in task ? task.group.length : 0))).toEqual([
      100, 50,
    ]);
    expect(read).toEqual(files.map(() => 5));
  });

  it("reports the file that can't be read, and no other", async () => {
    vi.stubGlobal("Worker", LocalWorker);
    const hasher = new Hasher();
    const good = hasher.digests(new Blob(["hello"]), []);
    const bad = Object.assign(new Blob(["x"]), {
      arrayBuffer: () => Promise.reject(new DOMException("changed", "NotReadableError")),
    });
    Object.defineProperty(bad, "size", { value: 7 });
    await expect(hasher.digests(bad, [])).rejects.toThrow(FileUnreadable);
    expect((await good).content).toBe(`sha256:${HELLO}`);
  });

  it("hashes on this thread if workers can't be loaded", async () => {
    vi.stubGlobal("Worker", LocalWorker);
    LocalWorker.isBroken = true;
    const { content } = await new Hasher().digests(new Blob(["hello"]), []);
    expect(content).toBe(`sha256:${HELLO}`);
  });

  it("hashes on this thread if the browser allows no workers", async () => {
    class Refused {
      constructor() {
        throw new DOMException("not allowed", "SecurityError");
      }
    }
    vi.stubGlobal("Worker", Refused);
    const { content } = await new Hasher().digests(new Blob(["hello"]), []);
    expect(content).toBe(`sha256:${HELLO}`);
  });

  it("leaves out a file that was cancelled while it waited", async () => {
    vi.stubGlobal("Worker", LocalWorker);
    const hasher = new Hasher();
    const control = new AbortController();
    const cancelled = hasher.digests(new Blob(["x"]), [], { signal: control.signal });
    const other = hasher.digests(new Blob(["hello"]), []);
    control.abort(new Error("cancelled"));
    await expect(cancelled).rejects.toThrow("cancelled");
    expect((await other).content).toBe(`sha256:${HELLO}`);
    expect(LocalWorker.tasks).toHaveLength(1);
  });
});
