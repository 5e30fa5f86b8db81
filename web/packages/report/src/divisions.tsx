/** Duplicates by file type, age, storage class and tenant. */

import { type Bar, Bars } from "@onecopy/charts/bars.tsx";
import type { JSX } from "preact";
import type { Data, Kind, Part, Parts } from "./data.ts";
import { count, money, size } from "./words.ts";

const MOST_BARS = 8;

export function Divisions({ data, kind }: { data: Data; kind: Kind }): JSX.Element {
  const divisions: readonly (readonly [string, string, Parts, string])[] = [
    ["By file type", "file type", data.types, "without an ending"],
    ["By age", "age", data.ages, "unknown"],
    ["By storage class", "storage class", data.byClass, "not stated"],
    ["By tenant", "tenant", data.tenants, ""],
  ];
  return (
    <section class="divisions" aria-label="Divisions">
      {divisions
        .filter(([, name, parts]) => isShown(name, parts))
        .map(([label, name, parts, unnamed]) => (
          <Bars
            key={label}
            label={label}
            bars={bars(parts, kind, unnamed)}
            format={size}
            total={data.totals[kind].bytes}
            headings={[name, "in duplicates", "a month"]}
          />
        ))}
    </section>
  );
}

/** Types and ages are always shown; a single class or tenant says nothing. */
function isShown(name: string, parts: Parts): boolean {
  return name === "file type" || name === "age" || parts.first.length > 1;
}

function bars(parts: Parts, kind: Kind, unnamed: string): Bar[] {
  const found = parts.first.filter((part) => part[kind].objects > 0);
  const shown = found.slice(0, MOST_BARS).map((part) => bar(part, kind, unnamed));
  const rest = [...found.slice(MOST_BARS), ...(parts.others ? [parts.others] : [])];
  const more = found.length - shown.length + parts.more;
  const bytes = rest.reduce((sum, part) => sum + part[kind].bytes, 0);
  const usd = rest.reduce((sum, part) => sum + part[kind].usd, 0);
  if (bytes === 0) return shown;
  return [...shown, { name: `${count(more)} others`, value: bytes, note: money(usd) }];
}

function bar(part: Part, kind: Kind, unnamed: string): Bar {
  const { bytes, usd } = part[kind];
  return { name: part.name || unnamed, value: bytes, note: money(usd) };
}
