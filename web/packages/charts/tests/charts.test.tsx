// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Bars } from "../src/bars.tsx";
import { share } from "../src/share.ts";
import { Treemap } from "../src/treemap.tsx";

const TREE = {
  name: "all",
  value: 100,
  children: [
    { name: "<b>photos</b>", value: 70, note: "7 files" },
    { name: "films", value: 30, note: "3 files" },
  ],
};
const format = (value: number) => `${value} bytes`;

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockReturnValue({
    width: 800,
  } as DOMRect);
});

afterEach(() => {
  render(null, document.body);
  vi.restoreAllMocks();
});

function draw(path: readonly string[] = []) {
  const opened: (readonly string[])[] = [];
  const open = (to: readonly string[]) => opened.push(to);
  const headings = ["folder", "size", "files"];
  act(() =>
    render(
      <Treemap label="By folder" tree={TREE} {...{ path, open, format, headings }} />,
      document.body,
    ),
  );
  const tiles = [...document.querySelectorAll<HTMLButtonElement>(".tiles button")];
  return { opened, tiles };
}

function press(key: string) {
  act(() => {
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  });
}

describe("a treemap", () => {
  it("is one stop of the Tab key, and arrow keys move within it", () => {
    const { tiles } = draw();
    expect(tiles.map((tile) => tile.tabIndex)).toEqual([0, -1]);
    act(() => tiles[0]?.focus());
    press("ArrowRight");
    expect(document.activeElement).toBe(tiles[1]);
    expect(tiles.map((tile) => tile.tabIndex)).toEqual([-1, 0]);
    press("Home");
    expect(document.activeElement).toBe(tiles[0]);
  });

  it("opens a folder by a click, and the one above by Escape", () => {
    const first = draw();
    act(() => first.tiles[1]?.click());
    expect(first.opened).toEqual([["films"]]);
    const { opened, tiles } = draw(["nowhere"]);
    act(() => tiles[0]?.focus());
    press("Escape");
    expect(opened).toEqual([[]]);
  });

  it("says what blank areas are, where there are any", () => {
    draw();
    expect(document.querySelector(".blank")).toBeNull();
    draw(["films"]);
    expect(document.querySelector(".blank")).toBeNull();
    const tree = { ...TREE, value: 101 };
    const headings = ["folder", "size"];
    const open = () => {};
    act(() =>
      render(<Treemap label="" path={[]} {...{ tree, open, format, headings }} />, document.body),
    );
    expect(document.querySelector(".blank")?.textContent).toContain("too small");
  });

  it("has the same figures as a table, with names as text", () => {
    draw();
    const rows = [...document.querySelectorAll(".chart-table tbody tr")];
    expect(rows.map((row) => [...row.children].map((cell) => cell.textContent))).toEqual([
      ["<b>photos</b>", "70 bytes", "70%", "7 files"],
      ["films", "30 bytes", "30%", "3 files"],
    ]);
  });
});

describe("bars", () => {
  it("are a table, and the longest fills its column", () => {
    const bars = [
      { name: "jpg", value: 10, note: "$1" },
      { name: "pdf", value: 5, note: "$2" },
    ];
    const headings = ["type", "size", "a month"] as const;
    act(() => render(<Bars label="By type" {...{ bars, format, headings }} />, document.body));
    expect(document.querySelector("caption")?.textContent).toBe("By type");
    const widths = [...document.querySelectorAll<HTMLElement>(".bar")].map(
      (bar) => bar.style.width,
    );
    expect(widths).toEqual(["100%", "50%"]);
    expect(document.querySelector("tbody tr")?.textContent).toBe("jpg67%10 bytes$1");
  });
});

describe("a share", () => {
  it("is never nothing if there is something", () => {
    expect([share(0, 10), share(1, 1000), share(1, 3), share(5, 5), share(0, 0)]).toEqual([
      "0%",
      "<1%",
      "33%",
      "100%",
      "0%",
    ]);
  });
});
