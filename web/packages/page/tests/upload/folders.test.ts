import { describe, expect, it } from "vitest";
import { type AnyHandle, type FolderHandle, filesOf } from "../../src/upload/folders.ts";
import { droppedFiles } from "../../src/upload/pick.ts";
import type { Picked } from "../../src/upload/picked.ts";

function file(name: string, readable = true): AnyHandle {
  const getFile = async () => {
    if (!readable) throw new Error("denied");
    return new File([name], name);
  };
  return { kind: "file", name, getFile };
}

function folder(name: string, inside: readonly AnyHandle[] | null): FolderHandle {
  async function* values() {
    if (inside === null) throw new Error("denied");
    yield* inside;
  }
  return { kind: "directory", name, values };
}

async function all(groups: AsyncIterable<Picked[]>): Promise<string[]> {
  const found: string[] = [];
  for await (const group of groups) {
    found.push(...group.map(({ path, file }) => path.join("/") + (file === null ? " ?" : "")));
  }
  return found;
}

describe("a folder that the browser may read", () => {
  it("is read as a whole, each folder sorted, and nothing is left out", async () => {
    const inside = [folder("z", [file("2"), file("1", false)]), file("b"), folder("locked", null)];
    const top = folder("top", [...inside, ...Array.from({ length: 40 }, (_, n) => file(`f${n}`))]);
    const found = await all(filesOf([top]));
    expect(found.slice(0, 2)).toEqual(["top/b", "top/f0"]);
    expect(found.slice(-3)).toEqual(["top/locked ?", "top/z/1 ?", "top/z/2"]);
    expect(found.length).toBe(44);
  });
});

/** What a drop has; `handles` are null in browsers without File System Access. */
function dropped(handles: readonly (AnyHandle | null)[], fails = false): DataTransfer {
  const items = handles.map((handle) => ({
    kind: "file",
    webkitGetAsEntry: () => null,
    getAsFileSystemHandle: async () => {
      if (fails) throw new Error("not here");
      return handle;
    },
  }));
  return { items, files: [{ name: "plain", webkitRelativePath: "" }] } as unknown as DataTransfer;
}

describe("a drop", () => {
  it("is read by handles, and a single folder can be remembered", async () => {
    const offered: string[] = [];
    const data = dropped([folder("in", [file("a")]), file("b")]);
    expect(await all(droppedFiles(data, ({ name }) => offered.push(name)))).toEqual(["b", "in/a"]);
    expect(offered).toEqual(["in"]);
  });

  it.each([
    ["fail", dropped([file("a")], true)],
    ["are missing", dropped([null])],
  ])("is read the old way where handles %s", async (_, data) => {
    expect(await all(droppedFiles(data))).toEqual(["plain"]);
  });
});
