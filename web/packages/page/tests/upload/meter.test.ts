import { describe, expect, it } from "vitest";
import { Meter } from "../../src/upload/meter.ts";

describe("a meter", () => {
  it("says nothing before it has watched for a moment", () => {
    const meter = new Meter();
    meter.note(0, 0);
    meter.note(1_000, 5_000);
    expect(meter.rate).toBe(null);
    expect(meter.secondsFor(10)).toBe(null);
    expect(meter.secondsFor(0)).toBe(0);
  });

  it("takes the rate of the last seconds", () => {
    const meter = new Meter();
    for (let second = 0; second <= 60; second++) meter.note(1000 * second, 100 * second);
    for (let second = 1; second <= 20; second++) {
      meter.note(60_000 + 1000 * second, 6_000 + 1_000 * second);
    }
    expect(meter.rate).toBe(1_000);
    expect(meter.secondsFor(5_000)).toBe(5);
  });

  it("begins anew when bytes are no longer done, and after a pause", () => {
    const meter = new Meter();
    meter.note(0, 9_000);
    meter.note(5_000, 10_000);
    meter.note(6_000, 0);
    expect(meter.rate).toBe(null);
    meter.note(8_000, 4_000);
    expect(meter.rate).toBe(2_000);
    meter.reset();
    expect(meter.rate).toBe(null);
  });
});
