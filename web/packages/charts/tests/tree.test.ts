import { describe, expect, it } from "vitest";
import { at, layout, type Tile, type Tree } from "../src/tree.ts";

const TREE: Tree = {
  name: "all",
  value: 100,
  children: [
    { name: "small", value: 10 },
    {
      name: "large",
      value: 60,
      children: [
        { name: "one", value: 40, children: [{ name: "deep", value: 40 }] },
        { name: "two", value: 15 },
      ],
    },
    { name: "none", value: 0 },
  ],
};

function area({ width, height }: Tile): number {
  return width * height;
}

describe("the layout of a tree", () => {
  it("has the largest first, and areas in proportion", () => {
    const [large, small, ...others] = layout(TREE, 1000, 400);
    expect([large?.tree.name, small?.tree.name, others.length]).toEqual(["large", "small", 0]);
    if (!large || !small) throw new Error("tiles are missing");
    expect(area(large) / area(small)).toBeCloseTo(6, 0);
  });

  it("leaves what is in no child free", () => {
    const sum = layout(TREE, 1000, 400).reduce((all, tile) => all + area(tile), 0);
    expect(sum / (1000 * 400)).toBeCloseTo(0.7, 1);
  });

  it("has one more level inside, within the tile", () => {
    const [large] = layout(TREE, 1000, 400);
    expect(large?.inner.map((tile) => tile.tree.name)).toEqual(["one", "two"]);
    expect(large?.inner.every((tile) => tile.inner.length === 0)).toBe(true);
    for (const inner of large?.inner ?? []) {
      expect(inner.y).toBeGreaterThanOrEqual((large?.y ?? 0) + 20);
      expect(inner.x + inner.width).toBeLessThanOrEqual((large?.x ?? 0) + (large?.width ?? 0));
    }
  });

  it("has no names in tiles that are too small for them", () => {
    expect(layout(TREE, 80, 60).every((tile) => tile.inner.length === 0)).toBe(true);
  });

  it("is empty without children", () => {
    expect(layout({ name: "leaf", value: 5 }, 100, 100)).toEqual([]);
  });
});

describe("a path in a tree", () => {
  it("leads to the folder, or as far as it goes", () => {
    expect(at(TREE, ["large", "one"]).value).toBe(40);
    expect(at(TREE, ["large", "gone", "one"]).name).toBe("large");
    expect(at(TREE, [])).toBe(TREE);
  });
});
