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

/**
 * Return the US dollars a month that are saved because contents are not stored once more; null if
 * that is not known. What was placed is stored once more.
 */
export function saving({ sums }: Selection, price: number | null): number | null {
  const { bytes } = sums.duplicate;
  return price === null || bytes === 0 ? null : (price * bytes) / BYTES_PER_GB;
}
