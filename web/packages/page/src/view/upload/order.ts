/** Filtering and sorting of the list of files. */

import { type Item, STATES, type State } from "../../upload/selection.ts";
import { splitKey } from "../describe.ts";

/** The tabs, with the states that each shows. */
export const TABS = {
  all: STATES,
  new: ["new", "sending", "uploaded"],
  stored: ["duplicate", "placing", "placed"],
  decide: ["taken", "unconfirmed"],
  failed: ["failed"],
} as const satisfies Record<string, readonly State[]>;

export type Tab = keyof typeof TABS;

export const ORDERS = ["added", "name", "size", "state", "folder"] as const;
export type Order = (typeof ORDERS)[number];

/** A tab, a text that the keys must contain, and the order of the files. */
export interface Filter {
  readonly tab: Tab;
  readonly text: string;
  readonly order: Order;
}

/** What needs the user comes first, what is over last. */
const RANKS: readonly State[] = [
  "failed",
  "taken",
  "unconfirmed",
  "sending",
  "placing",
  "checking",
  "hashing",
  "queued",
  "new",
  "uploaded",
  "placed",
  "duplicate",
  "skipped",
];
const RANK_OF = Object.fromEntries(RANKS.map((state, rank) => [state, rank])) as Readonly<
  Record<State, number>
>;

/** Return the files that match a filter, in its order. */
export function applyFilter(items: readonly Item[], filter: Filter): readonly Item[] {
  return inOrder(matching(items, filter), filter.order);
}

function matching(items: readonly Item[], { tab, text }: Filter): readonly Item[] {
  if (tab === "all" && text === "") return items;
  const states: ReadonlySet<State> = new Set(TABS[tab]);
  const wanted = folded(text);
  return items.filter(({ state, key }) => states.has(state) && folded(key).includes(wanted));
}

/** Return a text in which letters compare as people do: some systems write ü as two characters. */
function folded(text: string): string {
  return text.normalize("NFC").toLowerCase();
}

function inOrder(items: readonly Item[], order: Order): readonly Item[] {
  switch (order) {
    case "added":
      return items;
    case "size":
      return items.toSorted((a, b) => b.file.size - a.file.size);
    case "state":
      return items.toSorted((a, b) => RANK_OF[a.state] - RANK_OF[b.state]);
    case "name":
    case "folder":
      return items.toSorted((a, b) => compare(sortKey(a, order), sortKey(b, order)));
  }
}

/** Making them takes longer than sorting by them. A file that is renamed keeps its place. */
const sortKeys = { name: new WeakMap<Item, string>(), folder: new WeakMap<Item, string>() };

function sortKey(item: Item, order: "name" | "folder"): string {
  const known = sortKeys[order].get(item);
  if (known !== undefined) return known;
  const { name, folder } = splitKey(item.key);
  const text = order === "name" ? `${name}\u0000${folder}` : `${folder}\u0000${name}`;
  // Numbers by their value: IMG_9 comes before IMG_10.
  const made = text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
  sortKeys[order].set(item, made);
  return made;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
