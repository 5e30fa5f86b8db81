// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, expect, it } from "vitest";
import { TimeLine } from "../src/time-line.tsx";
import { frameOf, labels, nearest } from "../src/time-scale.ts";
import { english, speak } from "../src/words.ts";

const DAY = 86_400;
const POINTS = Array.from({ length: 60 }, (_, day) => ({ time: day * DAY, value: day }));

afterEach(() => {
  render(null, document.body);
  speak(english);
});

it("places points in the order of time, the largest amount at the top", () => {
  const frame = frameOf(POINTS, "day", "bars", 1000);
  expect(frame.x).toEqual(frame.x.toSorted((a, b) => a - b));
  expect(frame.x[0]).toBeGreaterThan(frame.left);
  expect(frame.x.at(-1)).toBeLessThan(frame.right);
  expect([frame.y[0], frame.y.at(-1)]).toEqual([frame.bottom, frame.top]);
  expect(frame.bar).toBeLessThan((frame.x[1] ?? 0) - (frame.x[0] ?? 0));
});

it("names the last point and others that have room", () => {
  for (const width of [320, 1000]) {
    const frame = frameOf(POINTS, "day", "bars", width);
    const named = labels(frame);
    expect(named.at(-1)).toBe(59);
    const places = named.map((at) => frame.x[at] ?? 0);
    for (const [at, place] of places.slice(1).entries()) {
      expect(place - (places[at] ?? 0)).toBeGreaterThanOrEqual(70);
    }
  }
});

it("draws amounts of nothing, and a single one in the middle", () => {
  const frame = frameOf([{ time: 0, value: 0 }], "month", "bars", 500);
  expect(frame.x[0]).toBe((frame.left + frame.right) / 2);
  expect(frame.y).toEqual([frame.bottom]);
});

it("finds the point below the pointer", () => {
  const frame = frameOf(POINTS, "day", "line", 1000);
  expect(nearest(frame, (frame.x[7] ?? 0) + 2)).toBe(7);
  expect(nearest(frame, 0)).toBe(0);
  expect(nearest({ x: [] }, 3)).toBe(null);
});

it("writes dates in the language of the page, also in the table", () => {
  speak({ ...english, locale: "de", table: "Als Tabelle zeigen" });
  const points = [{ time: 59 * DAY, value: 5, note: "2 Dateien" }];
  const rest = { period: "day", kind: "bars", format: String } as const;
  const headings = ["Tag", "Bytes", "Dateien"];
  render(<TimeLine label="Verlauf" {...{ points, headings }} {...rest} />, document.body);
  const { textContent } = document.body;
  expect(textContent).toContain("1. März 1970 · 5 · 2 Dateien");
  expect(textContent).toContain("Als Tabelle zeigen");
  expect(document.querySelector("[role=img]")?.getAttribute("aria-label")).toBe(
    "Verlauf: 1. März 1970 5, 1. März 1970 5",
  );
});
