import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { matcher } from "../../src/protocol/patterns.ts";

interface Vector {
  readonly patterns: readonly string[];
  readonly matched: readonly string[];
  readonly other: readonly string[];
}

const path = new URL("../../../../../tests/vectors/patterns.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as readonly Vector[];

describe("patterns, as in the vectors", () => {
  it.each(vectors)("match the same keys as the service: $patterns", (vector) => {
    const matches = matcher(vector.patterns);
    expect([...vector.matched, ...vector.other].filter(matches)).toEqual(vector.matched);
  });
});
