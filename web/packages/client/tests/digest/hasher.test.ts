import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compose } from "../../src/digest/compose.ts";
import { Hasher } from "../../src/digest/hasher.ts";
import { hashRange } from "../../src/digest/pieces.ts";
import { FileUnreadable, readBlocks } from "../../src/digest/read.ts";
import { contentScheme, formatScheme, parseScheme } from "../../src/digest/scheme.ts";

type Vector = { size: number; content_digest: string } & Record<string, string | number>;

const path = new URL("../../../../../tests/vectors/content-digests.json", import.meta.url);
const { contents } = JSON.parse(readFileSync(path, "utf8")) as { contents: Vector[] };

/** Return the vectors' input: the bytes 0, 1, …, 250 repeated and cut at `size`. */
function content(size: number): Blob {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = at % 251;
  return new Blob([bytes]);
}

function schemesOf(vector: Vector): string[] {
  return Object.keys(vector).filter((name) => /^(sha256|md5|crc64nvme)/.test(name));
}

async function digestsOf(blob: Blob, names: readonly string[]): Promise<Record<string, string>> {
  const schemes = names.map(parseScheme);
  const pieces = await hashRange(blob, { from: 0, to: blob.size }, schemes);
  const digests = await Promise.all(schemes.map((scheme, at) => compose(scheme, pieces[at] ?? [])));
  return Object.fromEntries(digests.map((digest, at) => [names[at], digest]));
}

function expected(vector: Vector): Record<string, string> {
  return Object.fromEntries(schemesOf(vector).map((name) => [name, `${name}:${vector[name]}`]));
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("digests of the test vectors", () => {
  it("exist", () => {
    expect(contents.length).toBeGreaterThan(5);
  });

  it.each(contents)("under every scheme in one pass, at $size bytes", async (vector) => {
    const digests = await digestsOf(content(vector.size), schemesOf(vector));
    expect(digests).toEqual(expected(vector));
    expect(digests[formatScheme(contentScheme(vector.size))]).toBe(vector.content_digest);
  });

  it.each(contents)("without WebCrypto, at $size bytes", async (vector) => {
    vi.stubGlobal("crypto", undefined);
    const digests = await digestsOf(content(vector.size), schemesOf(vector));
    expect(digests).toEqual(expected(vector));
  });
});

describe("the MD5 of a whole file", () => {
  const file = new Blob(["hello"]);
  const md5 = "5d41402abc4b2a76b9719d911017c592";

  it("is computed on demand, and is no digest to check", async () => {
    const wanted = await new Hasher().digests(file, [], { md5: true });
    expect(wanted.md5).toBe(md5);
    expect(wanted.digests).toEqual([wanted.content]);
    expect((await new Hasher().digests(file, [])).md5).toBeNull();
  });

  it("is a digest to check if the service names its scheme", async () => {
    const wanted = await new Hasher().digests(file, [parseScheme("md5")], { md5: true });
    expect(wanted.digests).toEqual([wanted.content, `md5:${md5}`]);
    expect(wanted.md5).toBe(md5);
  });
});

describe("reading", () => {
  it("yields full blocks and a last shorter one", async () => {
    const lengths: number[] = [];
    const bytes: number[] = [];
    for await (const block of readBlocks(content(700), 300)) {
      lengths.push(block.length);
      bytes.push(...block);
    }
    expect(lengths).toEqual([300, 300, 100]);
    expect(bytes).toEqual([...new Uint8Array(await content(700).arrayBuffer())]);
  });

  it("rejects a file that yields fewer bytes than its size", async () => {
    const shrunk = content(10);
    Object.defineProperty(shrunk, "stream", { value: () => content(9).stream() });
    const read = async () => {
      for await (const _ of readBlocks(shrunk, 300));
    };
    await expect(read()).rejects.toThrow(FileUnreadable);
  });

  it("hashes a range of a file as if it were the whole file", async () => {
    const whole = [parseScheme("sha256")];
    const [[part] = []] = await hashRange(content(1000), { from: 502, to: 1000 }, whole);
    const [[alone] = []] = await hashRange(content(498), { from: 0, to: 498 }, whole);
    expect(part).toEqual(alone); // 502 is twice 251
  });

  it("stops at the block after which it is aborted", async () => {
    const control = new AbortController();
    const onRead = () => control.abort();
    const options = { signal: control.signal, onRead };
    const range = { from: 0, to: 10 };
    await expect(hashRange(content(10), range, [], options)).rejects.toThrow(/abort/i);
  });

  it("is unreadable if it is gone, though Chromium names a network error then", async () => {
    const gone = content(700);
    const error = new TypeError("network error");
    const missing = async () => Promise.reject(new DOMException("gone", "NotFoundError"));
    const start = (stream: ReadableByteStreamController) => stream.error(error);
    Object.assign(gone, {
      stream: () => new ReadableStream({ type: "bytes", start }),
      slice: () => ({ arrayBuffer: missing }),
    });
    const read = async () => {
      for await (const _ of readBlocks(gone, 300));
    };
    await expect(read()).rejects.toThrow(FileUnreadable);
  });
});
