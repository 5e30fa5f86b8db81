/** What duplicates cost, in one look. */

import { share } from "@onecopy/charts/share.ts";
import type { JSX } from "preact";
import type { Amount, Data } from "./data.ts";
import { counted, money, size } from "./words.ts";

export function Headline({ data }: { readonly data: Data }): JSX.Element {
  const { stored, proved, likely, toRead } = data.totals;
  const { placed } = data;
  return (
    <section class="headline" aria-label="Summary">
      <h1>
        {proved.objects > 0 ? (
          <>
            <b>{money(proved.usd)}</b> a month for content that is stored more than once
          </>
        ) : (
          "Nothing is proved to be stored more than once"
        )}
      </h1>
      <dl>
        <Figure name="stored" amount={stored} note={`${money(stored.usd)} a month`} />
        <Figure
          name="in duplicates"
          amount={proved}
          note={`${share(proved.bytes, stored.bytes)} of what is stored`}
        />
        {likely.objects > 0 && (
          <Figure
            name="in likely duplicates"
            amount={likely}
            note={`${money(likely.usd)} a month`}
          />
        )}
      </dl>
      {placed.objects > 0 && (
        <p class="note">
          Of these, {counted(placed.objects, "object")} of {size(placed.bytes)} altogether{" "}
          {placed.objects === 1 ? "was" : "were"} placed on request.
        </p>
      )}
      {toRead > 0 && (
        <p class="note">
          {size(toRead)} would have to be read to be certain of everything:{" "}
          <code>onecopy scan --read missing</code>
        </p>
      )}
    </section>
  );
}

interface FigureProps {
  readonly name: string;
  readonly amount: Amount;
  readonly note: string;
}

function Figure({ name, amount, note }: FigureProps): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{size(amount.bytes)}</b>
        <span>
          {counted(amount.objects, "object")}, {note}
        </span>
      </dd>
    </div>
  );
}
