import { describe, expect, it } from "vitest";
import { forEachLimited, Limiter } from "../src/limiter.ts";

/** Return work that ends when `end` is called. */
function work() {
  let end: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { done, end };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe("a limiter", () => {
  it("starts work up to its maximum, and the next when some has ended", async () => {
    const limiter = new Limiter(2);
    const works = [work(), work(), work()];
    const started: number[] = [];
    for (const [at, { done }] of works.entries()) {
      void limiter.run(() => {
        started.push(at);
        return done;
      });
    }
    await settled();
    expect(started).toEqual([0, 1]);
    works[1]?.end();
    await settled();
    expect(started).toEqual([0, 1, 2]);
  });

  it("runs work that is heavier than its maximum alone", async () => {
    const limiter = new Limiter(10);
    const light = work();
    const started: string[] = [];
    void limiter.run(() => light.done, 1);
    const heavy = limiter.run(async () => void started.push("heavy"), 99);
    const last = limiter.run(async () => void started.push("last"), 1);
    await settled();
    expect(started).toEqual([]);
    light.end();
    await Promise.all([heavy, last]);
    expect(started).toEqual(["heavy", "last"]);
  });

  it("has room again after a failure", async () => {
    const limiter = new Limiter(1);
    await expect(limiter.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(limiter.run(() => Promise.resolve("yes"))).resolves.toBe("yes");
  });
});

describe("forEachLimited", () => {
  it("runs all items, at most `limit` at a time", async () => {
    let [running, peak, sum] = [0, 0, 0];
    await forEachLimited(3, [1, 2, 3, 4, 5, 6, 7], async (number) => {
      peak = Math.max(peak, ++running);
      await settled();
      running--;
      sum += number;
    });
    expect([peak, sum]).toEqual([3, 28]);
  });

  it("starts nothing after a failure, and waits for the items that are running", async () => {
    const seen: number[] = [];
    let slow = false;
    const act = async (number: number) => {
      seen.push(number);
      if (number === 1) throw new Error("first");
      await settled();
      slow = true;
    };
    await expect(forEachLimited(2, [1, 2, 3, 4], act)).rejects.toThrow("first");
    expect([seen, slow]).toEqual([[1, 2], true]);
  });
});
