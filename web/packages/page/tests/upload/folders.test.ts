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

/** An entry of a drop as the browser has it; a folder if it has others inside. */
function entry(fullPath: string, inside: readonly FileSystemEntry[] | null = null) {
  const left = [...(inside === null ? [] : [inside])];
  const name = fullPath.slice(fullPath.lastIndexOf("/") + 1);
  return {
    isFile: inside === null,
    isDirectory: inside !== null,
    name,
    fullPath,
    file: (done: (file: File) => void) => done(new File([name], name)),
    createReader: () => ({
      readEntries: (done: (found: unknown) => void) => done(left.pop() ?? []),
    }),
  } as unknown as FileSystemEntry;
}

/** What a drop has; `handles` are null in browsers without File System Access. */
function dropped(
  handles: readonly (AnyHandle | null)[],
  fails = false,
  entries: readonly FileSystemEntry[] = [],
): DataTransfer {
  const items = handles.map((handle, at) => ({
    kind: "file",
    webkitGetAsEntry: () => entries[at] ?? null,
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

  it("also has the files whose names handles hide, once each", async () => {
    const inside = [entry("/in/a"), entry("/in/a:b"), entry("/in/c:d", [entry("/in/c:d/e")])];
    const data = dropped([folder("in", [file("a")])], false, [entry("/in", inside)]);
    expect(await all(droppedFiles(data))).toEqual(["in/a", "in/a:b", "in/c:d/e"]);
  });

  it.each([
    ["fail", dropped([file("a")], true)],
    ["are missing", dropped([null])],
  ])("is read the old way where handles %s", async (_, data) => {
    expect(await all(droppedFiles(data))).toEqual(["plain"]);
  });
});
