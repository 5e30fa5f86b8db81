/** The chosen files, the state of each, and their totals. */

import { type Copy, type FileDigests, Observable } from "@onecopy/client";

/**
 * The states of a file. `new`: it will be uploaded, or was only checked; `taken`: a file with its key
 * is already stored; `unconfirmed`: the check had no result, and the user decides. `placing`: the
 * store copies a content that it has, and `placed`: it is stored under this file's key, too.
 */
export const STATES = [
  "queued",
  "hashing",
  "checking",
  "new",
  "sending",
  "uploaded",
  "duplicate",
  "placing",
  "placed",
  "taken",
  "unconfirmed",
  "failed",
  "skipped",
] as const;
export type State = (typeof STATES)[number];

/** The result for a file, besides its state. */
export interface Detail {
  /**
   * The copy that was already stored, or that this upload stored; for a new file with the reason
   * `in-trash`, the only copy.
   */
  readonly copy: Copy | null;
  /** The file with the same content that is uploaded in its place. */
  readonly leader: Item | null;
  /** A stable code. */
  readonly reason: string | null;
  /** For people. */
  readonly message: string | null;
  /** For a new file: at least this number of stored files may be the same, and were not examined. */
  readonly unexamined: number;
  /** Whether a duplicate was found by a digest from an earlier reading of the file. */
  readonly remembered: boolean;
  /** Whether the user wants nothing more for a duplicate. */
  readonly decided: boolean;
}

/** One chosen file. */
export interface Item extends Detail {
  readonly id: number;
  readonly file: File;
  /** The names from the chosen file or folder downwards. */
  readonly path: string;
  readonly state: State;
  /** The name under which it is or will be stored. */
  readonly key: string;
  /**
   * Bytes read while `hashing`, sent while `sending`; of a stored copy, those read while `checking`
   * and those copied while `placing`.
   */
  readonly done: number;
  /** Null until the file has been read. */
  readonly digests: FileDigests | null;
}

/** A number of files, and their bytes in total. */
export interface Sum {
  files: number;
  bytes: number;
}

type Changes = Partial<Omit<Item, "id" | "file" | "path">>;
type Writable = { -readonly [Name in keyof Item]: Item[Name] };

const NO_DETAIL: Detail = {
  copy: null,
  leader: null,
  reason: null,
  message: null,
  unexamined: 0,
  remembered: false,
  decided: false,
};

/** All chosen files in order. Only the selection changes items; others subscribe to changes. */
export class Selection {
  readonly items: Item[] = [];
  readonly sums: Readonly<Record<State, Sum>> = noSums();
  /** Bytes done of the files in these states. */
  readonly done = { hashing: 0, checking: 0, sending: 0, placing: 0 };
  /** Files for which it is not certain that they are new. */
  uncertain = 0;
  readonly #keys = new Map<string, number>();
  readonly #changes = new Observable();
  readonly subscribe = this.#changes.subscribe;

  /** Append a file; its path is its key unless it is stored below another folder. */
  add(file: File, key: string, path = key): Item {
    const fresh = { state: "queued", done: 0, digests: null, ...NO_DETAIL } as const;
    const item: Item = { id: this.items.length, file, key, path, ...fresh };
    this.items.push(item);
    this.#count(item, 1);
    this.#changes.notify();
    return item;
  }

  /** Return whether a file of the selection has this key. */
  has(key: string): boolean {
    return (this.#keys.get(key) ?? 0) > 0;
  }

  /** Set the state of a file and replace its detail; what `detail` leaves out is reset. */
  set(item: Item, state: State, detail: Partial<Detail> = {}): void {
    this.change(item, { ...NO_DETAIL, ...detail, state, done: 0 });
  }

  /** Change a file and update the totals. */
  change(item: Item, changes: Changes): void {
    this.#count(item, -1);
    Object.assign(item as Writable, changes);
    this.#count(item, 1);
    this.#changes.notify();
  }

  #count(item: Item, sign: 1 | -1): void {
    const sum = this.sums[item.state];
    sum.files += sign;
    sum.bytes += sign * item.file.size;
    if (item.unexamined > 0) this.uncertain += sign;
    if (isMeasured(item.state, this.done)) this.done[item.state] += sign * item.done;
    this.#keys.set(item.key, (this.#keys.get(item.key) ?? 0) + sign);
  }
}

/** Return the total over these states. */
export function sum({ sums }: Pick<Selection, "sums">, ...states: readonly State[]): Sum {
  const total: Sum = { files: 0, bytes: 0 };
  for (const state of states) {
    total.files += sums[state].files;
    total.bytes += sums[state].bytes;
  }
  return total;
}

function isMeasured<T extends object>(state: string, done: T): state is keyof T & string {
  return Object.hasOwn(done, state);
}

function noSums(): Record<State, Sum> {
  const sums = STATES.map((state) => [state, { files: 0, bytes: 0 }] as const);
  return Object.fromEntries(sums) as Record<State, Sum>;
}
