import { afterEach, describe, expect, it, vi } from "vitest";
import { readFolders } from "../../src/upload/folder-reader.ts";
import { type AnyHandle, filesOf } from "../../src/upload/folders.ts";

/** More files than a group has. */
const NAMES = Array.from({ length: 80 }, (_, at) => `${at + 10}`);
const HANDLES = NAMES.map(
  (name): AnyHandle => ({ kind: "file", name, getFile: async () => new File([name], name) }),
);

/** Reads on this thread as the worker does, and breaks after a number of answers. */
class FakeWorker {
  static answers = Number.POSITIVE_INFINITY;
  static ended = 0;
  onmessage: (event: { data: unknown }) => void = () => undefined;
  onerror: (event: unknown) => void = () => undefined;
  #files = filesOf([]);

  async postMessage(handles: readonly AnyHandle[] | null): Promise<void> {
    if (handles !== null) this.#files = filesOf(handles);
    const data = await this.#files.next();
    if (FakeWorker.answers-- > 0) this.onmessage({ data });
    else this.onerror(new Event("error"));
  }

  terminate(): void {
    FakeWorker.ended++;
  }
}

async function namesRead(): Promise<string[]> {
  const found: string[] = [];
  for await (const group of readFolders(HANDLES)) {
    for (const { path } of group) found.push(path.join("/"));
  }
  return found;
}

describe("readFolders", () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([Number.POSITIVE_INFINITY, 1, 0])(
    "yields each file once, though its worker breaks after %s groups, and ends the worker",
    async (answers) => {
      Object.assign(FakeWorker, { answers, ended: 0 });
      vi.stubGlobal("Worker", FakeWorker);
      expect(await namesRead()).toEqual(NAMES);
      expect(FakeWorker.ended).toBe(1);
    },
  );

  it("reads on this thread where there are no workers", async () => {
    vi.stubGlobal("Worker", undefined);
    expect(await namesRead()).toEqual(NAMES);
  });
});
