import { describe, expect, it, vi } from "vitest";
import { type NoteStorage, Unfinished } from "../../src/upload/unfinished.ts";

const ROOT = "https://files.test/";
const DAY = 24 * 3600 * 1000;

/** A localStorage for one test. */
class Memory extends Map<string, string> implements NoteStorage {
  get length(): number {
    return this.size;
  }
  key(at: number): string | null {
    return [...this.keys()][at] ?? null;
  }
  getItem(name: string): string | null {
    return this.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.set(name, value);
  }
  removeItem(name: string): void {
    this.delete(name);
  }
}

/** Return the locks of one browser, as far as they are used here. */
function locks(): LockManager {
  const held: LockInfo[] = [];
  const manager = {
    request: (name: string, hold: () => Promise<void>) => {
      held.push({ name });
      return hold();
    },
    query: async () => ({ held }),
  };
  return manager as unknown as LockManager;
}

/** Open another page with the same notes. */
async function open(
  notes: NoteStorage,
  tenant = "default",
  manager?: LockManager,
): Promise<Unfinished> {
  const unfinished = new Unfinished(ROOT, notes, manager);
  await unfinished.open(tenant);
  return unfinished;
}

function upload(key: string, content = "1234", lastModified = 5) {
  return { key, file: new File([content], key, { lastModified }) };
}

describe("notes of unfinished uploads", () => {
  it("are found by a later page, for the same file and key", async () => {
    const notes = new Memory();
    (await open(notes)).note(upload("a"), "ticket");
    const later = await open(notes);
    expect(later.find(upload("a"))).toBe("ticket");
    expect(later.find(upload("a", "12345"))).toBeNull();
    expect(later.find(upload("a", "1234", 6))).toBeNull();
    expect(later.find({ ...upload("a"), key: "b" })).toBeNull();
  });

  it("belong to one tenant", async () => {
    const notes = new Memory();
    (await open(notes, "alice")).note(upload("a"), "ticket");
    const bob = await open(notes, "bob");
    expect(bob.find(upload("a"))).toBeNull();
    expect(bob.interrupted).toEqual([]);
  });

  it("count as interrupted until they are resumed", async () => {
    const notes = new Memory();
    const first = await open(notes);
    for (const key of ["a", "b", "c"]) first.note(upload(key), `ticket of ${key}`);
    expect(first.interrupted).toEqual([]);
    const later = await open(notes);
    let changes = 0;
    later.subscribe(() => changes++);
    expect(later.interrupted).toEqual(["a", "b", "c"]);
    later.note(upload("a"), "renewed");
    expect(later.interrupted).toEqual(["b", "c"]);
    later.drop(upload("b"));
    expect(later.interrupted).toEqual(["c"]);
    expect(later.dropInterrupted()).toEqual(["ticket of c"]);
    expect(later.interrupted).toEqual([]);
    expect(changes).toBe(3);
    expect((await open(notes)).interrupted).toEqual(["a"]);
  });

  it("of a page that is still open do not count as interrupted", async () => {
    const [notes, manager] = [new Memory(), locks()];
    const first = await open(notes, "default", manager);
    first.note(upload("a"), "ticket");
    expect((await open(notes, "default", manager)).interrupted).toEqual([]);
    expect((await open(notes, "default", locks())).interrupted).toEqual(["a"]);
  });

  it("are dropped after eight days", async () => {
    const notes = new Memory();
    (await open(notes)).note(upload("a"), "ticket");
    vi.useFakeTimers({ now: Date.now() + 7 * DAY });
    expect((await open(notes)).interrupted).toEqual(["a"]);
    vi.setSystemTime(Date.now() + 2 * DAY);
    expect((await open(notes)).interrupted).toEqual([]);
    expect(notes.length).toBe(0);
    vi.useRealTimers();
  });

  it("may be damaged, or not be writable", async () => {
    const notes = new Memory();
    const first = await open(notes);
    first.note(upload("a"), "ticket");
    for (const name of notes.keys()) notes.set(name, "{");
    expect(first.find(upload("a"))).toBeNull();
    expect((await open(notes)).interrupted).toEqual([]);
    notes.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    first.note(upload("a"), "ticket");
    expect(first.find(upload("a"))).toBeNull();
  });

  it("are not read or written before the tenant is known", () => {
    const notes = new Memory();
    const early = new Unfinished(ROOT, notes);
    early.note(upload("a"), "ticket");
    early.drop(upload("a"));
    expect(early.find(upload("a"))).toBeNull();
    expect(notes.length).toBe(0);
  });
});
