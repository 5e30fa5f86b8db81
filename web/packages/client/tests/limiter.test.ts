import { describe, expect, it } from "vitest";
import { Lanes, together } from "../src/lanes.ts";

/** Work that ends when it is told to. */
function work() {
  let end: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { done, end };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe("lanes", () => {
  it("let in as much as is wide, and the next when one leaves", async () => {
    const lanes = new Lanes(2);
    const works = [work(), work(), work()];
    const begun: number[] = [];
    for (const [at, { done }] of works.entries()) {
      void lanes.run(() => {
        begun.push(at);
        return done;
      });
    }
    await settled();
    expect(begun).toEqual([0, 1]);
    works[1]?.end();
    await settled();
    expect(begun).toEqual([0, 1, 2]);
  });

  it("let in what is heavier than all of them, alone", async () => {
    const lanes = new Lanes(10);
    const light = work();
    const begun: string[] = [];
    void lanes.run(() => light.done, 1);
    const heavy = lanes.run(async () => void begun.push("heavy"), 99);
    const last = lanes.run(async () => void begun.push("last"), 1);
    await settled();
    expect(begun).toEqual([]);
    light.end();
    await Promise.all([heavy, last]);
    expect(begun).toEqual(["heavy", "last"]);
  });

  it("are free again after a failure", async () => {
    const lanes = new Lanes(1);
    await expect(lanes.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(lanes.run(() => Promise.resolve("yes"))).resolves.toBe("yes");
  });
});

describe("together", () => {
  it("runs all, and not more at a time than it may", async () => {
    let [running, most, sum] = [0, 0, 0];
    await together(3, [1, 2, 3, 4, 5, 6, 7], async (number) => {
      most = Math.max(most, ++running);
      await settled();
      running--;
      sum += number;
    });
    expect([most, sum]).toEqual([3, 28]);
  });

  it("begins nothing after a failure, and waits for what runs", async () => {
    const seen: number[] = [];
    let slow = false;
    const act = async (number: number) => {
      seen.push(number);
      if (number === 1) throw new Error("first");
      await settled();
      slow = true;
    };
    await expect(together(2, [1, 2, 3, 4], act)).rejects.toThrow("first");
    expect([seen, slow]).toEqual([[1, 2], true]);
  });
});
