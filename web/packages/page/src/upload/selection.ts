/** The chosen files, what is known of each, and the sums. */

import type { Copy } from "../client/documents.ts";
import type { FileDigests } from "../digest/hasher.ts";
import { Watchers } from "./watchers.ts";

/**
 * How far a file has come. `new`: to be sent, or only checked; `taken`: another content has its
 * key; `unconfirmed`: a person has to decide.
 */
export const STATES = [
  "queued",
  "hashing",
  "checking",
  "new",
  "sending",
  "uploaded",
  "duplicate",
  "taken",
  "unconfirmed",
  "failed",
  "skipped",
] as const;
export type State = (typeof STATES)[number];

/** What came out for a file, besides its state. */
export interface Detail {
  /** The copy that is there already, or that was stored. */
  readonly copy: Copy | null;
  /** Of the same content, and itself to be uploaded. */
  readonly twin: Item | null;
  /** A stable code. */
  readonly reason: string | null;
  /** For people. */
  readonly message: string | null;
}

/** One chosen file. */
export interface Item extends Detail {
  readonly id: number;
  readonly file: File;
  readonly state: State;
  /** The name under which it is stored, or will be. */
  readonly key: string;
  /** Bytes read while `hashing`, sent while `sending`. */
  readonly done: number;
  /** Null as long as the file has not been read. */
  readonly digests: FileDigests | null;
}

/** How many files, and how many bytes they have. */
export interface Sum {
  files: number;
  bytes: number;
}

type Changes = Partial<Omit<Item, "id" | "file">>;
type Writable = { -readonly [Name in keyof Item]: Item[Name] };

const NO_DETAIL: Detail = { copy: null, twin: null, reason: null, message: null };

/** All chosen files in order. Items are the selection's to change; others watch. */
export class Selection {
  readonly items: Item[] = [];
  readonly sums: Readonly<Record<State, Sum>> = noSums();
  /** Bytes done of the files in each state. */
  readonly done = { hashing: 0, sending: 0 };
  readonly #keys = new Map<string, number>();
  readonly #watchers = new Watchers();
  /** Tells of each change. */
  readonly watch = this.#watchers.add;

  /** Append a file. */
  add(file: File, key: string): Item {
    const id = this.items.length;
    const item: Item = { id, file, key, state: "queued", done: 0, digests: null, ...NO_DETAIL };
    this.items.push(item);
    this.#count(item, 1);
    this.#watchers.call();
    return item;
  }

  /** Whether a file of the selection has this key. */
  has(key: string): boolean {
    return (this.#keys.get(key) ?? 0) > 0;
  }

  /** Set a file's state; what is not said of its detail is forgotten. */
  set(item: Item, state: State, detail: Partial<Detail> = {}): void {
    this.change(item, { ...NO_DETAIL, ...detail, state, done: 0 });
  }

  /** Change a file, and the sums with it. */
  change(item: Item, changes: Changes): void {
    this.#count(item, -1);
    Object.assign(item as Writable, changes);
    this.#count(item, 1);
    this.#watchers.call();
  }

  #count(item: Item, sign: 1 | -1): void {
    const sum = this.sums[item.state];
    sum.files += sign;
    sum.bytes += sign * item.file.size;
    if (item.state === "hashing" || item.state === "sending") {
      this.done[item.state] += sign * item.done;
    }
    this.#keys.set(item.key, (this.#keys.get(item.key) ?? 0) + sign);
  }
}

/** Return the sum over some states. */
export function sum({ sums }: Pick<Selection, "sums">, ...states: readonly State[]): Sum {
  const total: Sum = { files: 0, bytes: 0 };
  for (const state of states) {
    total.files += sums[state].files;
    total.bytes += sums[state].bytes;
  }
  return total;
}

function noSums(): Record<State, Sum> {
  const sums = STATES.map((state) => [state, { files: 0, bytes: 0 }] as const);
  return Object.fromEntries(sums) as Record<State, Sum>;
}
