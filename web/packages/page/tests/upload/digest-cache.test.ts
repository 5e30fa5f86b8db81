import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Database } from "../../src/upload/database.ts";
import { DigestCache } from "../../src/upload/digest-cache.ts";

const FILE = { size: 3, lastModified: 1_000 };
const DIGESTS = ["sha256:aa", "md5:bb"];

/** A database in memory; all its records are within any range. */
function memory() {
  const records = new Map<string, { path: string }>();
  const database = {
    all: vi.fn(async () => [...records.values()]),
    count: async () => records.size,
    put: async (_: string, values: { path: string }[]) => {
      for (const value of values) records.set(value.path, structuredClone(value));
    },
    clear: async () => records.clear(),
  };
  return { records, database: database as unknown as Database };
}

beforeAll(() => {
  vi.stubGlobal("IDBKeyRange", { bound: () => undefined });
});

describe("digests of files that were read before", () => {
  it("are found on a later page while the file seems unchanged", async () => {
    const { database } = memory();
    const cache = new DigestCache(database);
    cache.keep("in/a", FILE, DIGESTS);
    await cache.save();
    expect(cache.folders).toBe(1);
    const later = new DigestCache(database);
    expect(await later.find("in/a", FILE)).toEqual(DIGESTS);
    expect(await later.find("in/b", FILE)).toBe(null);
    expect(await later.find("in/a", { ...FILE, size: 4 })).toBe(null);
    expect(await later.find("in/a", { ...FILE, lastModified: 1_001 })).toBe(null);
  });

  it("are dropped if reading the file contradicts them", async () => {
    const { database } = memory();
    const cache = new DigestCache(database);
    cache.keep("in/a", FILE, DIGESTS);
    await cache.save();
    const later = new DigestCache(database);
    await later.find("in/a", FILE);
    later.keep("in/a", FILE, ["sha256:cc"]);
    expect(await later.find("in/a", FILE)).toBe(null);
    await later.save();
    expect(await new DigestCache(database).find("in/a", FILE)).toBe(null);
  });

  it("replace those of an earlier state of the file", async () => {
    const cache = new DigestCache(memory().database);
    cache.keep("in/a", FILE, DIGESTS);
    const changed = { ...FILE, lastModified: 2_000 };
    cache.keep("in/a", changed, ["sha256:cc"]);
    expect(await cache.find("in/a", changed)).toEqual(["sha256:cc"]);
  });

  it("keep what earlier pages kept of the same folder", async () => {
    const { database } = memory();
    const first = new DigestCache(database);
    first.keep("in/a", FILE, DIGESTS);
    await first.save();
    const second = new DigestCache(database);
    second.keep("in/b", FILE, DIGESTS);
    await second.save();
    const third = new DigestCache(database);
    expect(await third.find("in/a", FILE)).toEqual(DIGESTS);
    expect(await third.find("in/b", FILE)).toEqual(DIGESTS);
  });

  it("are not kept of files without a folder, whose names say too little", async () => {
    const { database, records } = memory();
    const cache = new DigestCache(database);
    cache.keep("a", FILE, DIGESTS);
    await cache.save();
    expect(records.size).toBe(0);
    expect(await cache.find("a", FILE)).toBe(null);
  });

  it("are forgotten together", async () => {
    const { database } = memory();
    const cache = new DigestCache(database);
    cache.keep("in/a", FILE, DIGESTS);
    await cache.save();
    await cache.clear();
    expect([await cache.find("in/a", FILE), cache.folders]).toEqual([null, 0]);
  });

  it("are not needed: without a database, nothing is kept", async () => {
    const broken = new Proxy({}, { get: () => async () => Promise.reject(new Error("denied")) });
    const cache = new DigestCache(broken as Database);
    await cache.open();
    cache.keep("in/a", FILE, DIGESTS);
    await cache.save();
    await cache.clear();
    expect(await cache.find("in/a", FILE)).toBe(null);
  });
});
