/** Messages between a hasher and its workers. */

import type { Bytes } from "./hash.ts";
import type { Range, Scheme } from "./scheme.ts";

/** Hash a range under these schemes; with `keep`, also return its bytes. */
export interface Task {
  readonly id: number;
  readonly file: Blob;
  readonly range: Range;
  readonly schemes: readonly Scheme[];
  readonly keep: boolean;
}

/** A whole small file, to be hashed under these schemes. */
export interface GroupedFile {
  readonly file: Blob;
  readonly schemes: readonly Scheme[];
}

/** Hash small files; one that fails does not affect the others. */
export interface GroupTask {
  readonly id: number;
  readonly group: readonly GroupedFile[];
}

/** Why a task failed, or one file of a group. */
export interface Failed {
  readonly name: string;
  readonly message: string;
}

export type ToWorker = Task | GroupTask | { readonly cancel: number };

export type FromWorker =
  | { readonly id: number; readonly read: number }
  | { readonly id: number; readonly pieces: Bytes[][]; readonly bytes?: Bytes }
  | { readonly id: number; readonly group: readonly (Bytes[] | Failed)[] }
  | { readonly id: number; readonly failed: Failed };
