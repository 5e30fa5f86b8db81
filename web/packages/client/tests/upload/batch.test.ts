import { describe, expect, it } from "vitest";
import { Problem } from "../../src/protocol/errors.ts";
import { Batch } from "../../src/upload/batch.ts";

/** Return a batch that doubles numbers, and the requests that it made. */
function doubling(limit: number, reject: (items: readonly number[]) => Error | null = () => null) {
  const requests: (readonly number[])[] = [];
  const send = async (items: readonly number[]) => {
    requests.push(items);
    const error = reject(items);
    if (error) throw error;
    return items.map((item) => 2 * item);
  };
  return { batch: new Batch({ send, maxWeight: () => limit, delayMs: 1 }), requests };
}

describe("a batch", () => {
  it("sends many items in one request, and returns a result for each", async () => {
    const { batch, requests } = doubling(100);
    const answers = await Promise.all([1, 2, 3].map((item) => batch.add(item)));
    expect(answers).toEqual([2, 4, 6]);
    expect(requests).toEqual([[1, 2, 3]]);
  });

  it("does not exceed the limit of a request", async () => {
    const { batch, requests } = doubling(2);
    await Promise.all([1, 2, 3, 4, 5].map((item) => batch.add(item)));
    expect(requests).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("weighs its items, and sends one that is too heavy alone", async () => {
    const requests: (readonly number[])[] = [];
    const send = async (items: readonly number[]) => {
      requests.push(items);
      return items;
    };
    const batch = new Batch({
      send,
      maxWeight: () => 10,
      weight: (item: number) => item,
      delayMs: 1,
    });
    await Promise.all([4, 6, 1, 25, 2].map((item) => batch.add(item)));
    expect(requests).toEqual([[4, 6], [1], [25], [2]]);
  });

  it("sends items one by one when a request is rejected", async () => {
    const reject = (items: readonly number[]) =>
      items.includes(2) ? new Problem(400, "bad-input", "two") : null;
    const { batch } = doubling(100, reject);
    const answers = await Promise.allSettled([1, 2, 3].map((item) => batch.add(item)));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("fails all items of a request that fails for another reason", async () => {
    const { batch, requests } = doubling(100, () => new Error("lost"));
    const answers = await Promise.allSettled([1, 2].map((item) => batch.add(item)));
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(requests).toHaveLength(1);
  });

  it("fills up the next request while two are under way", async () => {
    const requests: number[] = [];
    const open: (() => void)[] = [];
    const send = async (items: readonly number[]) => {
      requests.push(items.length);
      await new Promise<void>((resolve) => open.push(resolve));
      return items;
    };
    const batch = new Batch({ send, maxWeight: () => 100, delayMs: 1 });
    const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
    const answers: Promise<number>[] = [];
    for (const item of [1, 2, 3, 4]) {
      answers.push(batch.add(item));
      await pause();
    }
    expect(requests).toEqual([1, 1]);
    for (const answer of open.splice(0)) answer();
    await pause();
    expect(requests).toEqual([1, 1, 2]);
    for (const answer of open) answer();
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4]);
  });
});
