/** Amounts beside each other: a table whose rows have bars, so it needs no alternative. */

import type { JSX } from "preact";
import { share } from "./share.ts";
import { words } from "./words.ts";

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** A second figure in words, such as an amount of money. */
  readonly note?: string;
}

interface Props {
  /** What the bars show, as `Wasted bytes by file type`. */
  readonly label: string;
  readonly bars: readonly Bar[];
  /** Returns an amount in words. */
  readonly format: (value: number) => string;
  /** Of which the shares are; by default the sum of the bars. */
  readonly total?: number;
  /** Headings of the columns: name, amount, note. */
  readonly headings: readonly [string, string, string?];
}

export function Bars({ label, bars, format, total, headings }: Props): JSX.Element {
  const most = Math.max(1, ...bars.map((bar) => bar.value));
  const whole = total ?? bars.reduce((sum, bar) => sum + bar.value, 0);
  return (
    <table class="chart bars">
      <caption>{label}</caption>
      <thead class="visually-hidden">
        <tr>
          {[headings[0], words.share, headings[1], ...(headings[2] ? [headings[2]] : [])].map(
            (each) => (
              <th scope="col" key={each}>
                {each}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody>
        {bars.map((bar) => (
          <tr key={bar.name}>
            <th scope="row">
              <bdi>{bar.name}</bdi>
            </th>
            <td class="track">
              <span class="bar" style={{ width: `${(100 * bar.value) / most}%` }} />
              <span class="visually-hidden">{share(bar.value, whole)}</span>
            </td>
            <td>{format(bar.value)}</td>
            {headings[2] && <td class="note">{bar.note}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
