// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import {
  count,
  date,
  duration,
  money,
  numberOfFiles,
  percent,
  size,
} from "../../src/words/format.ts";
import { setLanguage } from "../../src/words/language.ts";

describe("numbers", () => {
  it.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1000, "1.0 kB"],
    [9_949, "9.9 kB"],
    [9_950, "10 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [3_100_000, "3.1 MB"],
    [48.8 * 1e12, "49 TB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });

  it("never say 100% before all is done", () => {
    expect(percent(999, 1000)).toBe("99%");
    expect(percent(1000, 1000)).toBe("100%");
    expect(percent(0, 0)).toBe("100%");
  });

  it("are grouped, and money has cents", () => {
    expect(count(1_204_331)).toBe("1,204,331");
    expect(money(0.2208)).toBe("$0.22");
    expect(money(0.001)).toBe("less than $0.01");
    expect(money(0)).toBe("$0.00");
  });
});

describe("times to wait", () => {
  it.each([
    [1, "5 s"],
    [42, "40 s"],
    [50, "1 min"],
    [150, "3 min"],
    [3_600 * 2.5, "2.5 h"],
  ])("of %d seconds are %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe("in German", () => {
  afterEach(() => setLanguage("en"));

  it("figures and dates are written as people there write them", async () => {
    await setLanguage("de");
    expect(size(3_140_000)).toBe("3,1 MB");
    expect(count(1_204_331)).toBe("1.204.331");
    expect(percent(1, 3)).toBe("33 %");
    expect(date("2020-03-12T12:00:00Z")).toBe("12. März 2020");
    expect(money(0.001)).toMatch(/^weniger als 0,01/);
    expect(numberOfFiles(1)).toBe("1 Datei");
  });
});
