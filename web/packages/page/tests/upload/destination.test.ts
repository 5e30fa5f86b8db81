import { describe, expect, it } from "vitest";
import { cleanFolder, isFolder, RecentFolders } from "../../src/upload/destination.ts";

describe("the destination", () => {
  it.each([
    ["", "", true],
    [" /photos/2026/ ", "photos/2026", true],
    ["a//b", "a//b", false],
    ["../up", "../up", false],
    ["a/.onecopy", "a/.onecopy", false],
    [".onecopy/a", ".onecopy/a", false],
    ["a\nb", "a\nb", false],
    ["y".repeat(24), "y".repeat(24), false],
  ])("%j is the folder %j, which is possible: %s", (typed, folder, possible) => {
    expect(cleanFolder(typed)).toBe(folder);
    expect(isFolder(folder, 20)).toBe(possible);
  });

  it("is remembered, the last one first, each once", () => {
    const kept = new Map<string, string>();
    const storage = {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => void kept.set(name, value),
    };
    const recent = new RecentFolders(storage);
    expect(recent.list).toEqual([]);
    for (const folder of ["a", "b", "", "a"]) recent.use(folder);
    expect(recent.list).toEqual(["a", "", "b"]);
    kept.set("onecopy-folders", "no JSON");
    expect(recent.list).toEqual([]);
  });
});
