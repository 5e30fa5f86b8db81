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

export type ToWorker = Task | { readonly cancel: number };

export type FromWorker =
  | { readonly id: number; readonly read: number }
  | { readonly id: number; readonly pieces: Bytes[][]; readonly bytes?: Bytes }
  | { readonly id: number; readonly failed: { readonly name: string; readonly message: string } };
