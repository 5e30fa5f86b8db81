/**
 * Files of one selection with the same content: the first of them, the leader, is uploaded, and the
 * others wait for it.
 */

import type { FileDigests } from "../digest/hasher.ts";

/** A file, as far as it matters here. */
export interface Entry<T> {
  readonly file: Blob;
  readonly state: string;
  /** Null until the file has been read. */
  readonly digests: FileDigests | null;
  /** The file that is uploaded in its place; null if there is none. */
  readonly leader: T | null;
}

/** The turn of a file to be compared with others, so that the first of equal files always leads. */
export interface Turn {
  /** Resolves when the file may be compared. */
  readonly ready: Promise<void>;
  /** Let the next file of the same size be compared; may be called again. */
  readonly end: () => void;
}

/** The files in flight by size and by content. */
export class InFlight<T extends Entry<T>> {
  readonly #bySize = new Map<number, Set<T>>();
  readonly #unread = new Map<number, Set<T>>();
  readonly #lastTurns = new Map<number, Promise<void>>();
  readonly #leaders = new Map<string, T>();
  readonly #followers = new Map<T, Set<T>>();

  /** Add a file; its turn comes after those of the earlier files of its size. */
  add(item: T): Turn {
    const { size } = item.file;
    this.#bySize.set(size, (this.#bySize.get(size) ?? new Set()).add(item));
    const ready = this.#lastTurns.get(size) ?? Promise.resolve();
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#lastTurns.set(
      size,
      ready.then(() => ended),
    );
    return { ready, end };
  }

  /** Return whether no other file has the size of this one. */
  hasUniqueSize(item: T): boolean {
    return this.#bySize.get(item.file.size)?.size === 1;
  }

  /** Note that a file was found to be new by its size alone, without being read. */
  addUnread(item: T): void {
    const { size } = item.file;
    this.#unread.set(size, (this.#unread.get(size) ?? new Set()).add(item));
  }

  /** Return the files of the same size whose content is unknown, because they were not read. */
  unreadOfSameSize(item: T): T[] {
    const same = this.#unread.get(item.file.size) ?? [];
    return [...same].filter((other) => other !== item && other.digests === null && isWanted(other));
  }

  /** Return the leader of the files with this content: this file, if it is the first. */
  join(item: T, content: string): T {
    const leader = this.#leaders.get(content);
    if (leader === undefined || leader === item) {
      this.#leaders.set(content, item);
      return item;
    }
    const followers = this.#followers.get(leader) ?? new Set();
    this.#followers.set(leader, followers.add(item));
    return leader;
  }

  /** Return the files that wait for this one. */
  followers(item: T): Iterable<T> {
    return this.#followers.get(item) ?? [];
  }

  /** Remove a file from those with its content; returns their new leader, if it led any. */
  leave(item: T): T | null {
    if (item.leader !== null) this.#followers.get(item.leader)?.delete(item);
    const content = item.digests?.content ?? "";
    if (this.#leaders.get(content) !== item) return null;
    this.#leaders.delete(content);
    const [next, ...others] = this.followers(item);
    this.#followers.delete(item);
    if (next === undefined) return null;
    this.#leaders.set(content, next);
    this.#followers.set(next, new Set(others));
    return next;
  }
}

/** Return whether a file is stored or will be. */
function isWanted({ state }: { readonly state: string }): boolean {
  return state === "new" || state === "sending" || state === "uploaded";
}
