/** Which files the list shows, and in which order. */

import type { JSX } from "preact";
import { type Selection, sum } from "../../upload/selection.ts";
import { count } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { type Filter, ORDERS, type Order, TABS, type Tab } from "./order.ts";

interface Props {
  readonly filter: Filter;
  readonly selection: Selection;
  readonly change: (filter: Filter) => void;
}

export function Filters({ filter, selection, change }: Props): JSX.Element {
  return (
    <div class="filters">
      <fieldset class="tabs">
        <legend class="visually-hidden">{words.common.show}</legend>
        {(Object.keys(TABS) as Tab[]).map((tab) => (
          <button
            type="button"
            key={tab}
            aria-pressed={tab === filter.tab}
            onClick={() => change({ ...filter, tab })}
          >
            {words.list.tabs[tab]}{" "}
            <span class="number">{count(sum(selection, ...TABS[tab]).files)}</span>
          </button>
        ))}
      </fieldset>
      <div class="finding">
        <select
          aria-label={words.list.sort}
          value={filter.order}
          onChange={(event) => change({ ...filter, order: event.currentTarget.value as Order })}
        >
          {ORDERS.map((order) => (
            <option key={order} value={order}>
              {words.list.orders[order]}
            </option>
          ))}
        </select>
        <input
          type="search"
          aria-label={words.list.filter}
          placeholder={words.list.filter}
          value={filter.text}
          onInput={(event) => change({ ...filter, text: event.currentTarget.value })}
        />
      </div>
    </div>
  );
}
