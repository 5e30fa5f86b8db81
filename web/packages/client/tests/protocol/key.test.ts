import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkKey, InvalidKey, normalisationDiffers, renamed } from "../../src/protocol/key.ts";

interface Vectors {
  accepted: { key: string; room?: number }[];
  refused: { key: string; room?: number; why: string }[];
  renamed: { key: string; n: number; room?: number; renamed: string | null }[];
  normalisation: { key: string; differs: boolean }[];
}

const path = new URL("../../../../../tests/vectors/keys.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vectors;

function flaw(act: () => string): string {
  try {
    return `accepted ${act()}`;
  } catch (error) {
    return error instanceof InvalidKey ? error.flaw : String(error);
  }
}

describe("keys, as in the vectors", () => {
  it("have vectors of every kind", () => {
    for (const kind of Object.values(vectors)) expect(kind.length).toBeGreaterThan(5);
  });

  it.each(vectors.accepted)("$key is accepted", (vector) => {
    expect(checkKey(vector.key, vector.room)).toBe(vector.key);
  });

  it.each(vectors.refused)("$key is refused: $why", (vector) => {
    expect(flaw(() => checkKey(vector.key, vector.room))).toBe(vector.why);
  });

  it.each(vectors.renamed)("$key is renamed to $renamed", (vector) => {
    const rename = () => renamed(vector.key, vector.n, vector.room);
    if (vector.renamed === null) expect(rename).toThrow(InvalidKey);
    else expect(rename()).toBe(vector.renamed);
  });

  it.each(vectors.normalisation)("$key differs from its NFC form: $differs", (vector) => {
    expect(normalisationDiffers(vector.key)).toBe(vector.differs);
  });
});
