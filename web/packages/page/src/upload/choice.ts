/** What is done with files that are already stored elsewhere: asked each time, or kept. */

import type { Item } from "./selection.ts";

export const CHOICES = ["skip", "place", "upload"] as const;
export type Choice = (typeof CHOICES)[number];

const NAME = "onecopy-stored-files";

/** Return whether there is something to decide about a file: its content has another name only. */
export function isDecidable({ state, copy, key, decided }: Item): boolean {
  return state === "duplicate" && !decided && copy !== null && copy.key !== key;
}

/** Return whether a file failed or was skipped, and can be processed again as it is. */
export function isRepeatable({ state, reason }: Item): boolean {
  return (
    state === "skipped" || (state === "failed" && !/^(key-|file-unreadable)/.test(reason ?? ""))
  );
}

/** Return the choice that was kept; null if the user is asked. */
export function keptChoice(storage: Pick<Storage, "getItem">): Choice | null {
  const kept = storage.getItem(NAME);
  return CHOICES.find((choice) => choice === kept) ?? null;
}

/** Keep a choice for later files and visits; null to be asked again. */
export function keepChoice(
  storage: Pick<Storage, "setItem" | "removeItem">,
  choice: Choice | null,
): void {
  if (choice === null) storage.removeItem(NAME);
  else storage.setItem(NAME, choice);
}
