import { describe, expect, it } from "vitest";
import { Problem } from "../../src/client/errors.ts";
import { Batch } from "../../src/upload/batch.ts";

/** A batch that doubles numbers, and the requests that it made. */
function doubling(most: number, refuse: (items: readonly number[]) => Error | null = () => null) {
  const requests: (readonly number[])[] = [];
  const ask = async (items: readonly number[]) => {
    requests.push(items);
    const refused = refuse(items);
    if (refused) throw refused;
    return items.map((item) => 2 * item);
  };
  return { batch: new Batch({ ask, most: () => most, wait: 1 }), requests };
}

describe("a batch", () => {
  it("asks about many at once, and answers each", async () => {
    const { batch, requests } = doubling(100);
    const answers = await Promise.all([1, 2, 3].map((item) => batch.add(item)));
    expect(answers).toEqual([2, 4, 6]);
    expect(requests).toEqual([[1, 2, 3]]);
  });

  it("puts no more into a request than it may hold", async () => {
    const { batch, requests } = doubling(2);
    await Promise.all([1, 2, 3, 4, 5].map((item) => batch.add(item)));
    expect(requests).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("weighs its items, and sends one that is too heavy alone", async () => {
    const requests: (readonly number[])[] = [];
    const ask = async (items: readonly number[]) => {
      requests.push(items);
      return items;
    };
    const batch = new Batch({ ask, most: () => 10, weigh: (item: number) => item, wait: 1 });
    await Promise.all([4, 6, 1, 25, 2].map((item) => batch.add(item)));
    expect(requests).toEqual([[4, 6], [1], [25], [2]]);
  });

  it("asks one by one when one item spoils the request", async () => {
    const refuse = (items: readonly number[]) =>
      items.includes(2) ? new Problem(400, "bad-input", "two") : null;
    const { batch } = doubling(100, refuse);
    const answers = await Promise.allSettled([1, 2, 3].map((item) => batch.add(item)));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("fails all of a request that fails for another reason", async () => {
    const { batch, requests } = doubling(100, () => new Error("lost"));
    const answers = await Promise.allSettled([1, 2].map((item) => batch.add(item)));
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(requests).toHaveLength(1);
  });

  it("fills up the next request while two are under way", async () => {
    const requests: number[] = [];
    const open: (() => void)[] = [];
    const ask = async (items: readonly number[]) => {
      requests.push(items.length);
      await new Promise<void>((resolve) => open.push(resolve));
      return items;
    };
    const batch = new Batch({ ask, most: () => 100, wait: 1 });
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
