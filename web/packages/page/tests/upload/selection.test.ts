import { describe, expect, it } from "vitest";
import { type Item, Selection, sum } from "../../src/upload/selection.ts";
import { Twins } from "../../src/upload/twins.ts";

function file(size: number): File {
  return new File([new Uint8Array(size)], "file");
}

/** Say that a file was read, and has this content. */
function read(selection: Selection, item: Item, content: string): void {
  selection.change(item, { digests: { digests: [content], content, parts: [] } });
}

describe("a selection", () => {
  it("keeps the sums of each state", () => {
    const selection = new Selection();
    const [a, b] = [selection.add(file(5), "a"), selection.add(file(7), "b")];
    selection.set(a, "duplicate");
    selection.set(b, "sending");
    expect(selection.sums.duplicate).toEqual({ files: 1, bytes: 5 });
    expect(selection.sums.queued).toEqual({ files: 0, bytes: 0 });
    expect(sum(selection, "duplicate", "sending")).toEqual({ files: 2, bytes: 12 });
  });

  it("keeps the bytes done only of what is under way", () => {
    const selection = new Selection();
    const item = selection.add(file(9), "a");
    selection.set(item, "sending");
    selection.change(item, { done: 4 });
    selection.change(item, { done: 6 });
    expect(selection.done.sending).toBe(6);
    selection.set(item, "uploaded");
    expect(selection.done.sending).toBe(0);
  });

  it("forgets the reason for a state that is over", () => {
    const selection = new Selection();
    const item = selection.add(file(1), "a");
    selection.set(item, "failed", { reason: "file-changed" });
    selection.set(item, "queued");
    expect(item.reason).toBeNull();
  });

  it("knows its keys, also of files that were renamed", () => {
    const selection = new Selection();
    const item = selection.add(file(1), "a");
    selection.change(item, { key: "b" });
    expect([selection.has("a"), selection.has("b")]).toEqual([false, true]);
  });

  it("tells its watchers until they stop", () => {
    const selection = new Selection();
    let told = 0;
    const stop = selection.watch(() => told++);
    const item = selection.add(file(1), "a");
    selection.set(item, "new");
    stop();
    selection.set(item, "uploaded");
    expect(told).toBe(2);
  });
});

describe("twins", () => {
  function three(): { selection: Selection; twins: Twins; items: [Item, Item, Item] } {
    const selection = new Selection();
    const items: [Item, Item, Item] = [
      selection.add(file(5), "a"),
      selection.add(file(5), "b"),
      selection.add(file(5), "c"),
    ];
    const twins = new Twins();
    for (const item of items) {
      twins.enter(item);
      read(selection, item, "same");
      const leader = twins.lead(item, "same");
      if (leader !== item) selection.set(item, "duplicate", { twin: leader });
    }
    return { selection, twins, items };
  }

  it("follow the first of them", () => {
    const { twins, items } = three();
    expect(twins.lead(items[2], "same")).toBe(items[0]);
    expect([...twins.of(items[0])]).toEqual([items[1], items[2]]);
  });

  it("follow the next when the first is not sent", () => {
    const { twins, items } = three();
    expect(twins.leave(items[0])).toBe(items[1]);
    expect([...twins.of(items[1])]).toEqual([items[2]]);
    expect(twins.lead(items[0], "same")).toBe(items[1]);
  });

  it("lose one that goes its own way", () => {
    const { twins, items } = three();
    expect(twins.leave(items[1])).toBeNull();
    expect([...twins.of(items[0])]).toEqual([items[2]]);
  });

  it("are alone by size", () => {
    const { selection, twins, items } = three();
    const other = selection.add(file(6), "d");
    twins.enter(other);
    expect([twins.alone(items[0]), twins.alone(other)]).toEqual([false, true]);
  });

  it("have their turns in the order in which they came", async () => {
    const selection = new Selection();
    const twins = new Twins();
    const turns = ["a", "b", "c"].map((key) => twins.enter(selection.add(file(5), key)));
    const come: number[] = [];
    for (const [at, turn] of turns.entries()) void turn.come.then(() => come.push(at));
    const pause = () => new Promise((resolve) => setTimeout(resolve));
    turns[1]?.pass();
    await pause();
    expect(come).toEqual([0]);
    turns[0]?.pass();
    await pause();
    expect(come).toEqual([0, 1, 2]);
  });
});
