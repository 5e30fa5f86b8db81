import { describe, expect, it } from "vitest";
import type { Group } from "../src/data.ts";
import { countUndecided, filtered, sorted } from "../src/groups.tsx";

function group(wasted: number, ...keys: string[]): Group {
  const size = wasted;
  return { kind: "proved", tenant: "", evidence: "", size, objects: 2, wasted, keys, oldest: 0 };
}

const GROUPS = [group(3, "a/x.jpg", "b/Y.jpg"), group(2, "b/c/z.pdf", "z"), group(1, "bc/x.pdf")];

describe("groups", () => {
  it("are found by all words of one name, whatever their case", () => {
    expect(filtered(GROUPS, "Y JPG", [])).toEqual([GROUPS[0]]);
    expect(filtered(GROUPS, "x.jpg b/", [])).toEqual([]);
    expect(filtered(GROUPS, " ", [])).toEqual(GROUPS);
  });

  it("are in a folder if one of their names is below it", () => {
    expect(filtered(GROUPS, "", ["b"])).toEqual([GROUPS[0], GROUPS[1]]);
    expect(filtered(GROUPS, "z", ["b", "c"])).toEqual([GROUPS[1]]);
  });

  it("may match by names that are not in the file", () => {
    const groups = [...GROUPS, { ...group(1, "a"), objects: 9 }];
    expect(countUndecided(groups, filtered(groups, "pdf", []))).toBe(1);
    expect(countUndecided(groups, groups.slice(1))).toBe(0);
    expect(countUndecided(groups, groups)).toBe(0);
  });

  it("are sorted by numbers and names, in both directions", () => {
    const sizes = (column: "wasted" | "name", isDescending: boolean) =>
      sorted(GROUPS, { column, isDescending }).map((each) => each.wasted);
    expect(sizes("wasted", false)).toEqual([1, 2, 3]);
    expect(sizes("name", false)).toEqual([3, 2, 1]);
    expect(sizes("name", true)).toEqual([1, 2, 3]);
  });
});
