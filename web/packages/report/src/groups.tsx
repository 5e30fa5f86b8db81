/** The groups that waste most, to be sorted and filtered. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Data, Group, Kind } from "./data.ts";
import { count, counted, day, size } from "./words.ts";

const ROWS = 25;

interface Props {
  readonly data: Data;
  readonly kind: Kind;
  /** The folder that is open in the treemap. */
  readonly path: readonly string[];
  readonly leave: () => void;
}

type Column = "wasted" | "objects" | "size" | "oldest" | "name";
interface Order {
  readonly column: Column;
  readonly isDescending: boolean;
}

const COLUMNS: readonly (readonly [Column, string])[] = [
  ["name", "objects with the same content"],
  ["oldest", "first stored"],
  ["objects", "objects"],
  ["size", "size of each"],
  ["wasted", "wasted"],
];

export function Groups({ data, kind, path, leave }: Props): JSX.Element {
  const [text, setText] = useState("");
  const [order, setOrder] = useState<Order>({ column: "wasted", isDescending: true });
  const [rows, setRows] = useState(ROWS);
  const own = useMemo(() => data.groups.filter((group) => group.kind === kind), [data, kind]);
  const found = useMemo(() => sorted(filtered(own, text, path), order), [own, text, path, order]);
  const undecided = useMemo(() => countUndecided(own, found), [own, found]);
  return (
    <section>
      <h2>Largest groups</h2>
      <div class="filter">
        <input
          type="search"
          placeholder="Filter by name"
          aria-label="Filter groups by name"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {path.length > 0 && (
          <button type="button" onClick={leave}>
            in <bdi>{path.join("/")}</bdi> <span aria-hidden="true">×</span>
            <span class="visually-hidden">, show all folders</span>
          </button>
        )}
        <p role="status">
          {found.length === own.length
            ? counted(own.length, "group")
            : `${count(found.length)} of ${counted(own.length, "group")}`}
        </p>
      </div>
      <div class="scrolls">
        <table>
          <caption class="visually-hidden">Groups of objects with the same content</caption>
          <thead>
            <tr>
              {COLUMNS.map(([column, name]) => (
                <Heading key={column} {...{ column, name, order, change: setOrder }} />
              ))}
            </tr>
          </thead>
          <tbody>
            {found.slice(0, rows).map((group) => (
              <Row key={`${group.tenant}\0${group.evidence}\0${group.size}`} group={group} />
            ))}
          </tbody>
        </table>
      </div>
      {found.length === 0 && <p class="none">No group has this name.</p>}
      {undecided > 0 && (
        <p class="note">
          {counted(undecided, "other group")} may match: some of their names are not in this file.
        </p>
      )}
      {found.length > rows && (
        <button type="button" class="more" onClick={() => setRows(rows + 4 * ROWS)}>
          Show more
        </button>
      )}
    </section>
  );
}

interface HeadingProps {
  readonly column: Column;
  readonly name: string;
  readonly order: Order;
  readonly change: (order: Order) => void;
}

function Heading({ column, name, order, change }: HeadingProps): JSX.Element {
  const isOwn = order.column === column;
  const direction = order.isDescending ? "descending" : "ascending";
  // Names begin with a, numbers with the largest.
  const isDescending = isOwn ? !order.isDescending : column !== "name";
  return (
    <th scope="col" aria-sort={isOwn ? direction : "none"}>
      <button type="button" onClick={() => change({ column, isDescending })}>
        {name}
        <span aria-hidden="true">{isOwn ? (order.isDescending ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}

function Row({ group }: { readonly group: Group }): JSX.Element {
  const [first = "", ...others] = group.keys;
  const more = group.objects - group.keys.length;
  return (
    <tr>
      <td class="names" title={group.evidence}>
        <bdi>{first}</bdi>
        {group.objects > 1 && (
          <details>
            <summary>and {count(group.objects - 1)} more</summary>
            <ul>
              {others.map((key) => (
                <li key={key}>
                  <bdi>{key}</bdi>
                </li>
              ))}
              {more > 0 && <li class="note">{count(more)} others that are not in this file</li>}
            </ul>
          </details>
        )}
      </td>
      <td>{group.oldest > 0 ? day(group.oldest) : ""}</td>
      <td>{count(group.objects)}</td>
      <td>{size(group.size)}</td>
      <td>{size(group.wasted)}</td>
    </tr>
  );
}

/** Return the groups whose names have every word, and of which one is in the folder. */
export function filtered(
  groups: readonly Group[],
  text: string,
  path: readonly string[],
): readonly Group[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const folder = path.map((name) => `${name}/`).join("");
  return groups.filter(
    ({ keys }) =>
      (folder === "" || keys.some((key) => key.startsWith(folder))) &&
      (words.length === 0 ||
        keys.some((key) => words.every((word) => key.toLowerCase().includes(word)))),
  );
}

/** Return how many groups were not found, and have further names that are not in the file. */
export function countUndecided(groups: readonly Group[], found: readonly Group[]): number {
  const known = new Set(found);
  return groups.filter((group) => !known.has(group) && group.objects > group.keys.length).length;
}

/** Return the groups in an order; equal ones stay as they are. */
export function sorted(groups: readonly Group[], { column, isDescending }: Order): Group[] {
  const sign = isDescending ? -1 : 1;
  return groups.toSorted((one, other) =>
    column === "name"
      ? sign * (one.keys[0] ?? "").localeCompare(other.keys[0] ?? "")
      : sign * (one[column] - other[column]),
  );
}
