import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { misleading, nameInText, nameText, printable } from "../../src/view/names.ts";

interface Vectors {
  names: { name: string; shown: string }[];
}

const path = new URL("../../../../../tests/vectors/names.json", import.meta.url);
const { names } = JSON.parse(readFileSync(path, "utf8")) as Vectors;

describe("names", () => {
  it("have vectors", () => {
    expect(names.length).toBeGreaterThan(20);
  });

  it.each(names)("$shown is shown as on the command line", ({ name, shown }) => {
    expect(nameText(name)).toBe(shown);
    expect(printable(printable(name))).toBe(printable(name));
  });

  it("that are written from right to left don't reorder the words around them", () => {
    expect(nameInText("\u05d0\u05d1.txt")).toBe("\u2068\u05d0\u05d1.txt\u2069");
    expect(nameInText("rome.txt")).toBe("rome.txt");
    expect(nameInText("\u2069\u05d0")).toBe("\u2068\\u2069\u05d0\u2069");
  });

  it.each([
    ["rome.jpg", []],
    ["caf\u00e9 \u03bc.jpg", []],
    ["\u041c\u043e\u0441\u043a\u0432\u0430.jpg", []],
    ["\u0410\u03bd\u03b1.txt", []],
    ["p\u0430yp\u0430l.txt", ["U+0430"]],
    ["a\u200bb.txt", ["U+200B"]],
    ["b\u200d.txt", ["U+200D"]],
    ["\u{1f468}\u200d\u{1f469}.jpg", []],
  ])("%j looks like another one because of %j", (name, codes) => {
    expect(misleading(name)).toEqual(codes);
  });
});
