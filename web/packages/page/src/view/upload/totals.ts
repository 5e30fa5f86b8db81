/** Sums over the chosen files, as counters, progress and summary show them. */

import { type Selection, type Sum, sum } from "../../upload/selection.ts";

const BYTES_PER_GB = 1e9;

/** Return what is new, whether or not it has been sent. */
export function newFiles(selection: Selection): Sum {
  return sum(selection, "new", "sending", "uploaded");
}

/** Return what need not be sent, because the store has it. */
export function storedFiles(selection: Selection): Sum {
  return sum(selection, "duplicate", "placing", "placed");
}

/** Return the files about which the user decides. */
export function openFiles(selection: Selection): Sum {
  return sum(selection, "taken", "unconfirmed");
}

/** Less than a cent a month is not worth a word. */
export const LEAST_DOLLARS = 0.01;

/**
 * Return the US dollars a month that are saved because contents are not stored once more; null if
 * that is not known, or little. What was placed is stored once more.
 */
export function saving({ sums }: Selection, price: number | null): number | null {
  const saved = ((price ?? 0) * sums.duplicate.bytes) / BYTES_PER_GB;
  return saved < LEAST_DOLLARS ? null : saved;
}
