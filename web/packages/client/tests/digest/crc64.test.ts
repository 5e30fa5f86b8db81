import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compose } from "../../src/digest/compose.ts";
import { combine } from "../../src/digest/crc64.ts";
import { type Bytes, createHash, hashBytes } from "../../src/digest/hash.ts";
import { Hasher } from "../../src/digest/hasher.ts";
import type { Task, ToWorker } from "../../src/digest/messages.ts";
import { hashRange } from "../../src/digest/pieces.ts";
import { fromHex, hex, parseScheme, type Range } from "../../src/digest/scheme.ts";

interface Vectors {
  contents: { pattern: string; times: number; crc64nvme: string }[];
  combined: { size: number; parts: { size: number; crc64nvme: string }[]; crc64nvme: string }[];
  twins: { a: string; b: string; crc64nvme: string };
}

const path = new URL("../../../../../tests/vectors/crc64nvme.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vectors;
const CRC = parseScheme("crc64nvme");
const MIB = 1024 * 1024;

function repeated(pattern: Bytes, times: number): Bytes {
  const bytes = new Uint8Array(pattern.length * times);
  for (let at = 0; at < times; at++) bytes.set(pattern, at * pattern.length);
  return bytes;
}

describe("the CRC of the test vectors", () => {
  it.each(vectors.contents)("$crc64nvme", async ({ pattern, times, crc64nvme }) => {
    const bytes = repeated(fromHex(pattern), times);
    expect(hex(await hashBytes("crc64nvme", bytes))).toBe(crc64nvme);
    const hash = await createHash("crc64nvme");
    for (let turn = 0; turn < 2; turn++) {
      hash.update(bytes.subarray(0, 5));
      hash.update(bytes.subarray(5));
      expect(hex(hash.digest())).toBe(crc64nvme);
    }
  });

  it.each(vectors.combined)("combined to $size bytes", ({ parts, crc64nvme }) => {
    const crcs = parts.map((part) => fromHex(part.crc64nvme));
    const sizes = parts.map(({ size }) => size);
    expect(hex(combine(crcs, sizes))).toBe(crc64nvme);
  });

  it("is the same for twins", async () => {
    const { a, b, crc64nvme } = vectors.twins;
    expect(a).not.toBe(b);
    for (const twin of [a, b]) {
      expect(hex(await hashBytes("crc64nvme", fromHex(twin)))).toBe(crc64nvme);
    }
  });
});

describe("the CRC of a large file", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("is combined from those of ranges, which workers hash at the same time", async () => {
    const hashed: Range[] = [];
    vi.stubGlobal(
      "Worker",
      class {
        onmessage: (event: unknown) => void = () => undefined;
        postMessage(message: ToWorker): void {
          const { id, file, range, schemes } = message as Task;
          hashed.push(range);
          void hashRange(file, range, schemes).then((pieces) => {
            this.onmessage({ data: { id, pieces } });
          });
        }
        terminate(): void {}
      },
    );
    const bytes = repeated(
      Uint8Array.from({ length: 251 }, (_, at) => at),
      280_000,
    );
    const { digests } = await new Hasher().digests(new Blob([bytes]), [CRC]);
    expect(bytes.length).toBeGreaterThan(64 * MIB);
    expect(hashed).toEqual([
      { from: 0, to: 24 * MIB },
      { from: 24 * MIB, to: 48 * MIB },
      { from: 48 * MIB, to: bytes.length },
    ]);
    expect(digests[1]).toBe(`crc64nvme:${hex(await hashBytes("crc64nvme", bytes))}`);
    expect(digests[0]).toMatch(/^sha256\+8388608:/);
  });

  it("of one range needs no combination", async () => {
    expect(await compose(CRC, [fromHex("ae8b14860a799888")])).toBe("crc64nvme:ae8b14860a799888");
  });
});
