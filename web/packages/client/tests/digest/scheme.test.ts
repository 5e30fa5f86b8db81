import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  contentScheme,
  formatScheme,
  InvalidDigest,
  LARGEST_CONTENT,
  moreSchemes,
  parseScheme,
  partRanges,
  partSize,
} from "../../src/digest/scheme.ts";

interface Vectors {
  part_size_rule: { size: number; part_size: number }[];
  part_size_rule_error_above: number;
}

const path = new URL("../../../../../tests/vectors/content-digests.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vectors;

describe("the part size rule", () => {
  it("has vectors", () => {
    expect(vectors.part_size_rule.length).toBeGreaterThan(5);
  });

  it.each(vectors.part_size_rule)("matches the vectors at $size bytes", (vector) => {
    expect(partSize(vector.size)).toBe(vector.part_size);
  });

  it("ends at S3's largest object", () => {
    expect(vectors.part_size_rule_error_above).toBe(LARGEST_CONTENT);
    expect(() => partSize(LARGEST_CONTENT + 1)).toThrow(InvalidDigest);
  });

  it("does not split contents below 8 MiB", () => {
    expect(partSize(8_388_607)).toBeNull();
    expect(formatScheme(contentScheme(8_388_607))).toBe("sha256");
    expect(formatScheme(contentScheme(8_388_608))).toBe("sha256+8388608");
  });
});

describe("the parts of a content", () => {
  it.each([0, 1, 8_388_607, 8_388_608, 8_388_609, 16_777_216, 83_886_080_001])(
    "cover all %d bytes, in order and without gaps",
    (size) => {
      const ranges = partRanges(size);
      expect(ranges[0]?.from).toBe(0);
      expect(ranges.at(-1)?.to).toBe(size);
      for (const [at, range] of ranges.entries()) {
        expect(range.from).toBe(at === 0 ? 0 : ranges[at - 1]?.to);
      }
    },
  );

  it("are at most 10,000", () => {
    expect(partRanges(LARGEST_CONTENT)).toHaveLength(10_000);
  });
});

describe("a scheme's name", () => {
  it.each(["sha256", "md5", "sha256+8388608", "md5+5242880", "crc64nvme"])(
    "%s is parsed and formatted",
    (name) => {
      expect(formatScheme(parseScheme(name))).toBe(name);
    },
  );

  it.each([
    "",
    "sha1",
    "sha256+",
    "sha256+0",
    "sha256+08",
    "md5+5368709121",
    "md5:ab",
    "crc64nvme+8388608",
  ])("%j is rejected", (name) => {
    expect(() => parseScheme(name)).toThrow(InvalidDigest);
  });
});

describe("the schemes of another check", () => {
  const digests = ["sha256:00", "md5:00"];

  it("are those of the first one, and those that are known since", () => {
    const known = ["crc64nvme", "md5", "sha256", "md5+5242880"];
    expect(moreSchemes(digests, known, 8)).toEqual(["sha256", "md5", "crc64nvme", "md5+5242880"]);
  });

  it("are as many as one check takes", () => {
    expect(moreSchemes(digests, ["crc64nvme", "md5+5"], 3)).toEqual(["sha256", "md5", "crc64nvme"]);
    expect(moreSchemes(digests, ["crc64nvme"], 2)).toBeNull();
  });

  it("are none if nothing can be added", () => {
    expect(moreSchemes(digests, ["md5", "blake3"], 8)).toBeNull();
  });
});
