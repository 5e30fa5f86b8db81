/** Hashing in browsers that lack something. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { Hasher } from "../../src/digest/hasher.ts";
import { FileUnreadable } from "../../src/digest/read.ts";

const MIB = 1024 * 1024;
const file = new File([new Uint8Array(17 * MIB)], "zeros");
/** The content digest of 17 MiB of zeros: computed by `onecopy.digest` in Python. */
const EXPECTED = "sha256+8388608:a28838de84f6acee9b60c1fb0930dd9652375cf27352ed8ea3cadd2b4f9dab3f";

/** A worker that can't be loaded, as a module in a browser that knows only classic scripts. */
class BrokenWorker {
  onerror: (event: { message: string }) => void = () => undefined;
  postMessage(): void {
    setTimeout(() => this.onerror({ message: "" }));
  }
  terminate(): void {}
}

/** Call a function with a module that is loaded again, as on another page. */
async function reloaded<T>(act: (hasher: Hasher) => Promise<T>): Promise<T> {
  vi.resetModules();
  const { Hasher: Again } = await import("../../src/digest/hasher.ts");
  return await act(new Again() as Hasher);
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("without workers", () => {
  it.each([
    ["none", undefined],
    ["none that load modules", BrokenWorker],
  ])("(%s) files are hashed on the calling thread", async (_, worker) => {
    vi.stubGlobal("Worker", worker);
    const hasher = new Hasher();
    const [first, second] = await Promise.all([hasher.digests(file, []), hasher.digests(file, [])]);
    expect(first.content).toBe(EXPECTED);
    expect(second).toEqual(first);
  });

  it("a part is read once, for hashing and for sending", async () => {
    vi.stubGlobal("Worker", undefined);
    const { sha256, body } = await new Hasher().part(file, { from: 8 * MIB, to: 16 * MIB });
    expect((body as Uint8Array).length).toBe(8 * MIB);
    expect(sha256).toBe((await new Hasher().digests(file, [])).parts[1]);
  });

  it("hashing can be aborted", async () => {
    vi.stubGlobal("Worker", BrokenWorker);
    const control = new AbortController();
    const onRead = () => control.abort(new Error("not any more"));
    const hashing = new Hasher().digests(file, [], { signal: control.signal, onRead });
    await expect(hashing).rejects.toThrow("not any more");
  });

  it("a file that can't be read is an error", async () => {
    vi.stubGlobal("Worker", BrokenWorker);
    const gone = new File([new Uint8Array(9 * MIB)], "gone");
    Object.defineProperty(gone, "slice", { value: () => new Blob(["short"]) });
    const range = { from: 0, to: 8 * MIB };
    await expect(new Hasher().part(gone, range)).rejects.toThrow(FileUnreadable);
  });
});

describe("without what browsers read and hash fast with", () => {
  it("(streams into buffers) the digests are the same", async () => {
    const stream = Blob.prototype.stream;
    vi.spyOn(Blob.prototype, "stream").mockImplementation(function (this: Blob) {
      const plain = stream.call(this);
      vi.spyOn(plain, "getReader").mockImplementation(() => {
        throw new TypeError("no byte stream");
      });
      return plain;
    });
    expect(await reloaded((hasher) => hasher.digests(file, []))).toMatchObject({
      content: EXPECTED,
    });
  });

  it("(crypto.subtle) the digests are the same", async () => {
    vi.stubGlobal("crypto", {});
    expect(await reloaded((hasher) => hasher.digests(file, []))).toMatchObject({
      content: EXPECTED,
    });
  });
});
