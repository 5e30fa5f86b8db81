// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Database } from "../../src/upload/database.ts";
import type { FolderHandle } from "../../src/upload/folders.ts";
import { type Remembered, RememberedFolders } from "../../src/upload/remembered.ts";
import { Again } from "../../src/view/upload/again.tsx";

/** A folder, and whether it is the same as others of its name. */
function holiday(isSame = true): FolderHandle {
  return {
    kind: "directory",
    name: "holiday",
    async *values() {
      // It is empty.
    },
    isSameEntry: async () => isSame,
  };
}

/** Show the folders of a database that keeps them, or does not. */
async function show(keeps: boolean, folder = holiday()): Promise<RememberedFolders> {
  const kept: Remembered[] = [];
  const database = {
    all: async () => [...kept],
    put: async (_: string, values: readonly Remembered[]) => {
      if (!keeps) throw new DOMException("no room", "QuotaExceededError");
      kept.push(...values);
    },
  };
  const folders = new RememberedFolders(database as unknown as Database);
  await folders.offer(folder);
  await act(() => render(<Again folders={folders} add={async () => undefined} />, document.body));
  return folders;
}

function text(): string {
  return document.body.textContent ?? "";
}

describe("a folder to come back to", () => {
  afterEach(() => render(null, document.body));

  it.each([true, false])("is offered again unless it is kept: the same one, %s", async (isSame) => {
    const folders = await show(true, holiday(isSame));
    await folders.remember();
    await folders.offer(holiday(isSame));
    expect(folders.offered === null).toBe(isSame);
  });

  it("is shown once it is kept", async () => {
    await show(true);
    document.querySelector("button")?.click();
    await vi.waitFor(() => expect(text()).toBe("Check again:holiday×"));
  });

  it("that the browser does not keep is said to be none", async () => {
    await show(false);
    document.querySelector("button")?.click();
    await vi.waitFor(() => expect(text()).toContain("The browser did not keep holiday"));
  });
});
