import { InFlight } from "@onecopy/client";
import { describe, expect, it } from "vitest";
import { type Item, Selection, sum } from "../../src/upload/selection.ts";

function file(size: number): File {
  return new File([new Uint8Array(size)], "file");
}

/** Set the digests of a file, as if it had been read. */
function setRead(selection: Selection, item: Item, content: string): void {
  selection.change(item, { digests: { digests: [content], content, parts: [], md5: null } });
}

describe("a selection", () => {
  it("has the totals of each state", () => {
    const selection = new Selection();
    const [a, b] = [selection.add(file(5), "a"), selection.add(file(7), "b")];
    selection.set(a, "duplicate");
    selection.set(b, "sending");
    expect(selection.sums.duplicate).toEqual({ files: 1, bytes: 5 });
    expect(selection.sums.queued).toEqual({ files: 0, bytes: 0 });
    expect(sum(selection, "duplicate", "sending")).toEqual({ files: 2, bytes: 12 });
  });

  it("counts the bytes done only of files that are being processed", () => {
    const selection = new Selection();
    const item = selection.add(file(9), "a");
    selection.set(item, "sending");
    selection.change(item, { done: 4 });
    selection.change(item, { done: 6 });
    expect(selection.done.sending).toBe(6);
    selection.set(item, "uploaded");
    expect(selection.done.sending).toBe(0);
  });

  it("counts the files that are not certain to be new, as long as they are", () => {
    const selection = new Selection();
    const [a, b] = [selection.add(file(1), "a"), selection.add(file(1), "b")];
    selection.set(a, "new", { unexamined: 3 });
    selection.set(b, "new");
    expect(selection.uncertain).toBe(1);
    selection.set(a, "sending");
    expect(selection.uncertain).toBe(0);
  });

  it("resets the reason with the state", () => {
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

  it("notifies its listeners until they unsubscribe", () => {
    const selection = new Selection();
    let changes = 0;
    const unsubscribe = selection.subscribe(() => changes++);
    const item = selection.add(file(1), "a");
    selection.set(item, "new");
    unsubscribe();
    selection.set(item, "uploaded");
    expect(changes).toBe(2);
  });
});

describe("equal files in flight", () => {
  function three() {
    const selection = new Selection();
    const items: [Item, Item, Item] = [
      selection.add(file(5), "a"),
      selection.add(file(5), "b"),
      selection.add(file(5), "c"),
    ];
    const inFlight = new InFlight<Item>();
    for (const item of items) {
      inFlight.add(item);
      setRead(selection, item, "same");
      const leader = inFlight.join(item, "same");
      if (leader !== item) selection.set(item, "duplicate", { leader });
    }
    return { selection, inFlight, items };
  }

  it("follow the first of them", () => {
    const { inFlight, items } = three();
    expect(inFlight.join(items[2], "same")).toBe(items[0]);
    expect([...inFlight.followers(items[0])]).toEqual([items[1], items[2]]);
  });

  it("follow the next when the first is not uploaded", () => {
    const { inFlight, items } = three();
    expect(inFlight.leave(items[0])).toBe(items[1]);
    expect([...inFlight.followers(items[1])]).toEqual([items[2]]);
    expect(inFlight.join(items[0], "same")).toBe(items[1]);
  });

  it("lose one that is uploaded itself", () => {
    const { inFlight, items } = three();
    expect(inFlight.leave(items[1])).toBeNull();
    expect([...inFlight.followers(items[0])]).toEqual([items[2]]);
  });

  it("show which files have a unique size", () => {
    const { selection, inFlight, items } = three();
    const other = selection.add(file(6), "d");
    inFlight.add(other);
    expect([inFlight.hasUniqueSize(items[0]), inFlight.hasUniqueSize(other)]).toEqual([
      false,
      true,
    ]);
  });

  it("have their turns in the order in which they were added", async () => {
    const selection = new Selection();
    const inFlight = new InFlight<Item>();
    const turns = ["a", "b", "c"].map((key) => inFlight.add(selection.add(file(5), key)));
    const ready: number[] = [];
    for (const [at, turn] of turns.entries()) void turn.ready.then(() => ready.push(at));
    const pause = () => new Promise((resolve) => setTimeout(resolve));
    turns[1]?.end();
    await pause();
    expect(ready).toEqual([0]);
    turns[0]?.end();
    await pause();
    expect(ready).toEqual([0, 1, 2]);
  });
});
