/** The report as a whole. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Data, Kind } from "./data.ts";
import { Divisions } from "./divisions.tsx";
import { Groups } from "./groups.tsx";
import { Headline } from "./headline.tsx";
import { Avoided, History } from "./time.tsx";
import { Where } from "./where.tsx";
import { count, counted, day } from "./words.ts";

export function App({ data }: { readonly data: Data }): JSX.Element {
  const { totals } = data;
  const [kind, setKind] = useState<Kind>(
    totals.likely.bytes > totals.proved.bytes ? "likely" : "proved",
  );
  const [path, setPath] = useState<readonly string[]>([]);
  const hasBoth = totals.likely.objects > 0 && totals.proved.objects > 0;
  return (
    <>
      <header>
        <p class="mark">onecopy</p>
        <p class="store">
          <bdi>{data.store}</bdi>
        </p>
        <p class="made">
          <time dateTime={new Date(data.made * 1000).toISOString()}>{day(data.made)}</time>
        </p>
      </header>
      <main>
        <Headline data={data} />
        {hasBoth && <Kinds kind={kind} change={setKind} />}
        {totals[kind].objects > 0 && (
          <>
            <Where {...{ data, kind, path, open: setPath }} />
            <Divisions data={data} kind={kind} />
            <Groups {...{ data, kind, path, leave: () => setPath([]) }} />
          </>
        )}
        <Avoided months={data.avoided} />
        <History reports={data.history} />
      </main>
      <Footer data={data} />
    </>
  );
}

const KINDS: readonly (readonly [Kind, string])[] = [
  ["proved", "Proved"],
  ["likely", "Likely"],
];

function Kinds({ kind, change }: { kind: Kind; change: (kind: Kind) => void }): JSX.Element {
  return (
    <fieldset class="kinds">
      <legend class="visually-hidden">Which duplicates to show</legend>
      {KINDS.map(([value, name]) => (
        <label key={value}>
          <input type="radio" name="kind" checked={kind === value} onChange={() => change(value)} />
          {name}
        </label>
      ))}
      <p class="note">
        {kind === "proved"
          ? "Objects with the same content: somebody has read it, or S3 has computed its checksum."
          : "Objects with the same size and ETag. A scan that reads them makes them certain."}
      </p>
    </fieldset>
  );
}

function Footer({ data }: { readonly data: Data }): JSX.Element {
  const { totals, groups, prices, version } = data;
  const all = totals.groups + totals.likelyGroups;
  return (
    <footer>
      {groups.length < all && (
        <p>
          This page has the {count(groups.length)} groups that waste most, of {count(all)}, and the
          largest folders; totals count everything. <code>onecopy report --csv FILE</code> writes
          all groups.
        </p>
      )}
      {totals.inTrash > 0 && (
        <p>Not counted: {counted(totals.inTrash, "object")} in trash and snapshots.</p>
      )}
      <p>
        Of each group one object is needed, the first that was stored; the others are its
        duplicates. Amounts of money: {prices}.
      </p>
      <p>onecopy {version}</p>
    </footer>
  );
}
