/** The same figures as a table, for people who can't see or don't want the picture. */

import type { JSX } from "preact";
import { words } from "./words.ts";

interface Props {
  readonly label: string;
  readonly headings: readonly string[];
  /** The first cell of each row is its name. */
  readonly rows: readonly (readonly string[])[];
}

export function Alternative({ label, headings, rows }: Props): JSX.Element {
  const [name = "", ...others] = headings;
  return (
    <details class="chart-table">
      <summary>{words.table}</summary>
      <table>
        <caption class="visually-hidden">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{name}</th>
            {others.map((heading) => (
              <th scope="col" key={heading}>
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row[0]} cells={row} />
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Row({ cells }: { readonly cells: readonly string[] }): JSX.Element {
  const [name, ...values] = cells;
  return (
    <tr>
      <th scope="row">
        <bdi>{name}</bdi>
      </th>
      {values.map((value, column) => (
        <td key={column}>{value}</td>
      ))}
    </tr>
  );
}
