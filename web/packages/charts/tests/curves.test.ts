// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";

// uPlot asks for the resolution of the screen as soon as it is loaded.
vi.stubGlobal("matchMedia", () => ({ addEventListener() {}, removeEventListener() {} }));
const { duration } = await import("../src/curves.tsx");

describe("a duration", () => {
  it("has three digits and its unit", () => {
    const values = [1_234, 999_400, 999_600, 12_345_678, 1.5e9, undefined];
    expect(values.map(duration)).toEqual([
      "1.23 µs",
      "999 µs",
      "1.00 ms",
      "12.3 ms",
      "1.50 s",
      "–",
    ]);
  });
});
