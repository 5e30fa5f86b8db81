import { describe, expect, it } from "vitest";
import { avoidedReports } from "../../src/upload/avoided.ts";

describe("reports of avoided uploads", () => {
  it("are none for no files", () => {
    expect(avoidedReports([])).toEqual([]);
  });

  it("leave out empty files, which the service refuses to count", () => {
    expect(avoidedReports([0])).toEqual([]);
    expect(avoidedReports([0, 7, 0])).toEqual([{ files: 1, bytes: 7, largest: 7 }]);
  });

  it("have the sum of the files and the size of the largest", () => {
    expect(avoidedReports([3, 7, 5])).toEqual([{ files: 3, bytes: 15, largest: 7 }]);
  });

  it("are split where the service accepts no more files", () => {
    expect(avoidedReports([3, 7, 5], 2)).toEqual([
      { files: 2, bytes: 10, largest: 7 },
      { files: 1, bytes: 5, largest: 5 },
    ]);
  });
});
