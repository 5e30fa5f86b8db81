import { describe, expect, it } from "vitest";
import { type Item, Selection, STATES } from "../../src/upload/selection.ts";
import { applyFilter, type Filter, ORDERS, TABS } from "../../src/view/upload/order.ts";

function items(): readonly Item[] {
  const made = new Selection();
  for (const [key, size] of [
    ["b/IMG_10.jpg", 3],
    ["b/img_9.jpg", 1],
    ["a/zoo", 2],
  ] as const) {
    made.add(new File(["x".repeat(size)], "f"), key);
  }
  const [first, second, third] = made.items as [Item, Item, Item];
  made.set(first, "uploaded");
  made.set(second, "failed");
  made.set(third, "taken");
  return made.items;
}

function keys(filter: Partial<Filter>): string[] {
  const whole: Filter = { tab: "all", text: "", order: "added", ...filter };
  return applyFilter(items(), whole).map(({ key }) => key);
}

describe("the list", () => {
  it.each<[Filter["order"], string[]]>([
    ["added", ["b/IMG_10.jpg", "b/img_9.jpg", "a/zoo"]],
    ["name", ["b/img_9.jpg", "b/IMG_10.jpg", "a/zoo"]],
    ["size", ["b/IMG_10.jpg", "a/zoo", "b/img_9.jpg"]],
    ["state", ["b/img_9.jpg", "a/zoo", "b/IMG_10.jpg"]],
    ["folder", ["a/zoo", "b/img_9.jpg", "b/IMG_10.jpg"]],
  ])("is sorted %s", (order, sorted) => {
    expect(keys({ order })).toEqual(sorted);
  });

  it("is filtered by state and by name", () => {
    expect(keys({ tab: "decide" })).toEqual(["a/zoo"]);
    expect(keys({ text: "IMG" })).toEqual(["b/IMG_10.jpg", "b/img_9.jpg"]);
    expect(keys({ tab: "new", text: "img_9" })).toEqual([]);
  });

  it("is filtered by names as they read, in whatever Unicode form", () => {
    const made = new Selection();
    made.add(new File([], "f"), "cafe\u0301.txt");
    expect(applyFilter(made.items, { tab: "all", text: "CAF\u00c9", order: "added" })).toHaveLength(
      1,
    );
  });

  it("has an order for each name, and all states have a tab", () => {
    expect(new Set(ORDERS).size).toBe(ORDERS.length);
    expect(TABS.all).toEqual(STATES);
  });
});
