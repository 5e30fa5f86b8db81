import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Problem } from "../../src/protocol/errors.ts";
import { isRetryable, RETRYABLE_STATUSES, retryDelay } from "../../src/protocol/retry.ts";

describe("retryable failures", () => {
  it("have the same statuses as in Python", () => {
    const path = new URL("../../../../../src/onecopy/retry.py", import.meta.url);
    const [, table] = /^RETRYABLE_STATUSES = .*\{(.*)\}/m.exec(readFileSync(path, "utf8")) ?? [];
    expect(table?.split(",").map(Number)).toEqual([...RETRYABLE_STATUSES]);
  });

  it.each<[number, string, boolean]>([
    [425, "too-early", true],
    [503, "unavailable", true],
    [500, "internal", false],
    [502, "store-forbidden", false],
    [502, "store-unavailable", true],
    [500, "http-500", true],
    [501, "http-501", true],
    [404, "http-404", false],
  ])("%d %s: %s", (status, reason, retryable) => {
    expect(isRetryable(new Problem(status, reason, ""))).toBe(retryable);
  });
});

describe("the delay", () => {
  it("is drawn from a range that doubles, up to half a minute", () => {
    for (const attempt of [1, 5, 50]) {
      expect(retryDelay(null, attempt)).toBeLessThanOrEqual(Math.min(30_000, 250 * 2 ** attempt));
    }
  });

  it("is at least what the service requests for", () => {
    const error = new Problem(503, "unavailable", "", 5_000);
    expect(retryDelay(error, 1)).toBeGreaterThanOrEqual(5_000);
  });
});
