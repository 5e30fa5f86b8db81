import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Database } from "../../src/upload/database.ts";

describe("a database", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("that the browser never opens is none: nobody waits for it for long", async () => {
    const factory = { open: () => ({}) } as unknown as IDBFactory;
    const counted = new Database(factory).count("digests");
    const failed = expect(counted).rejects.toThrow("not opened in time");
    await vi.advanceTimersByTimeAsync(3_000);
    await failed;
  });
});
