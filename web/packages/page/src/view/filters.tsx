/** Filters of the list of files. */

import type { JSX } from "preact";
import { type Item, type Selection, STATES, type State, sum } from "../upload/selection.ts";
import { count } from "./words.ts";

/** The tabs, with the states that each shows. */
export const TABS = {
  All: STATES,
  New: ["new", "sending", "uploaded"],
  "Already stored": ["duplicate"],
  "To review": ["taken", "unconfirmed"],
  Failed: ["failed"],
} as const satisfies Record<string, readonly State[]>;

export type Tab = keyof typeof TABS;

/** A tab, and a text that the keys must contain. */
export interface Filter {
  readonly tab: Tab;
  readonly text: string;
}

/** Return the files that match a filter, in order. */
export function applyFilter(items: readonly Item[], { tab, text }: Filter): readonly Item[] {
  if (tab === "All" && text === "") return items;
  const states: readonly State[] = TABS[tab];
  const wanted = text.toLowerCase();
  return items.filter(
    ({ state, key }) => states.includes(state) && key.toLowerCase().includes(wanted),
  );
}

interface Props {
  readonly filter: Filter;
  readonly selection: Selection;
  readonly change: (filter: Filter) => void;
}

export function Filters({ filter, selection, change }: Props): JSX.Element {
  return (
    <div class="filters">
      <fieldset class="tabs">
        <legend class="visually-hidden">Show</legend>
        {(Object.keys(TABS) as Tab[]).map((tab) => (
          <button
            type="button"
            key={tab}
            aria-pressed={tab === filter.tab}
            onClick={() => change({ ...filter, tab })}
          >
            {tab} <span class="number">{count(sum(selection, ...TABS[tab]).files)}</span>
          </button>
        ))}
      </fieldset>
      <input
        type="search"
        aria-label="Filter by name"
        placeholder="Filter by name"
        value={filter.text}
        onInput={(event) => change({ ...filter, text: event.currentTarget.value })}
      />
    </div>
  );
}
