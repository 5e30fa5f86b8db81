/** Other keys for files whose own are taken. */

import { renamed } from "@onecopy/client";
import type { Item, Selection } from "./selection.ts";

/** The keys of the files that were renamed: the chosen one, and those that were tried. */
export class Renaming {
  readonly #selection: Selection;
  readonly #keys = new Map<Item, readonly string[]>();

  constructor(selection: Selection) {
    this.#selection = selection;
  }

  /** Give a file another key. */
  rename(item: Item, key: string): void {
    this.#keys.set(item, [...this.#keysOf(item), key]);
    this.#selection.change(item, { key });
  }

  /** Return a free key of at most `room` bytes; null if there is no room for one. */
  freeKey(item: Item, room: number): string | null {
    const tried = this.#keysOf(item);
    const [chosen = item.key] = tried;
    try {
      for (let n = 2; ; n++) {
        const key = renamed(chosen, n, room);
        if (!(this.#selection.has(key) || tried.includes(key))) return key;
      }
    } catch {
      return null;
    }
  }

  #keysOf(item: Item): readonly string[] {
    return this.#keys.get(item) ?? [item.key];
  }
}
