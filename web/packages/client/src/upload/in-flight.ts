/** Files of one selection that have the same content: the first leads, and is the one to be sent. */

import type { Item } from "./selection.ts";

/** So that the first of equal files leads, whichever is read first. */
export interface Turn {
  /** Is over when the file may be compared. */
  readonly come: Promise<void>;
  /** Lets the next one of its size go on; may be called again. */
  readonly pass: () => void;
}

/** Knows who has the same size, and who the same content. */
export class Twins {
  readonly #bySize = new Map<number, Set<Item>>();
  readonly #unread = new Map<number, Set<Item>>();
  readonly #queues = new Map<number, Promise<void>>();
  readonly #leaders = new Map<string, Item>();
  readonly #followers = new Map<Item, Set<Item>>();

  /** Take in a file; its turn to be compared comes after the earlier ones of its size. */
  enter(item: Item): Turn {
    const { size } = item.file;
    this.#bySize.set(size, (this.#bySize.get(size) ?? new Set()).add(item));
    const come = this.#queues.get(size) ?? Promise.resolve();
    let pass: () => void = () => undefined;
    const passed = new Promise<void>((resolve) => {
      pass = resolve;
    });
    this.#queues.set(
      size,
      come.then(() => passed),
    );
    return { come, pass };
  }

  /** Whether no other file has this one's size. */
  alone(item: Item): boolean {
    return this.#bySize.get(item.file.size)?.size === 1;
  }

  /** Note that a file is new without having been read: it was alone. */
  trust(item: Item): void {
    const { size } = item.file;
    this.#unread.set(size, (this.#unread.get(size) ?? new Set()).add(item));
  }

  /** Return the files of the same size that were not read, so that nobody knows their content. */
  unread(item: Item): Item[] {
    const same = this.#unread.get(item.file.size) ?? [];
    return [...same].filter((other) => other !== item && other.digests === null && isWanted(other));
  }

  /** Return the file that leads those with this content: this one, if it is the first. */
  lead(item: Item, content: string): Item {
    const leader = this.#leaders.get(content);
    if (leader === undefined || leader === item) {
      this.#leaders.set(content, item);
      return item;
    }
    const followers = this.#followers.get(leader) ?? new Set();
    this.#followers.set(leader, followers.add(item));
    return leader;
  }

  /** Return who follows a file. */
  of(item: Item): Iterable<Item> {
    return this.#followers.get(item) ?? [];
  }

  /** Take a file out of the way of its twins; returns the one that leads them now, if any do. */
  leave(item: Item): Item | null {
    if (item.twin !== null) this.#followers.get(item.twin)?.delete(item);
    const content = item.digests?.content ?? "";
    if (this.#leaders.get(content) !== item) return null;
    this.#leaders.delete(content);
    const [next, ...others] = this.of(item);
    this.#followers.delete(item);
    if (next === undefined) return null;
    this.#leaders.set(content, next);
    this.#followers.set(next, new Set(others));
    return next;
  }
}

/** Whether it is still to be stored, or is. */
function isWanted({ state }: Item): boolean {
  return state === "new" || state === "sending" || state === "uploaded";
}
