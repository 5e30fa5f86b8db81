/** What is stored twice: totals, where and since when, and the groups that waste most. */

import type { Client, DuplicateKind, Duplicates, DuplicatesSummary } from "@onecopy/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { count, size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { Failed } from "../failed.tsx";
import { useLoaded } from "../use-loaded.ts";
import { describeAmount, describeCounted, describeNothingTwice } from "./describe.ts";
import { follow } from "./follow.ts";
import { Groups } from "./groups.tsx";
import { Where } from "./where.tsx";
import "./style.css";

interface Props {
  readonly client: Client;
}

export function DuplicatesView({ client }: Props): JSX.Element {
  const [attempt, setAttempt] = useState(0);
  const { value, error } = useLoaded<DuplicatesSummary>(
    (show, signal) => follow(client, show, signal),
    String(attempt),
  );
  return (
    <section aria-labelledby="duplicates">
      <h2 id="duplicates" class="visually-hidden">
        {words.duplicates.title}
      </h2>
      {error !== null && <Failed error={error} retry={() => setAttempt(attempt + 1)} />}
      {error === null && value?.as_of === undefined && <Counting />}
      {value?.as_of !== undefined && <Counted client={client} summary={value} />}
    </section>
  );
}

function Counting(): JSX.Element {
  return (
    <div class="empty">
      <p class="title">{words.duplicates.countingStored}</p>
      <progress aria-label={words.duplicates.counting} />
    </div>
  );
}

interface CountedProps {
  readonly client: Client;
  readonly summary: DuplicatesSummary;
}

function Counted({ client, summary }: CountedProps): JSX.Element {
  const { proved, likely } = summary;
  const kinds: [DuplicateKind, Duplicates][] = [];
  if (proved !== undefined && proved.groups > 0) kinds.push(["proved", proved]);
  if (likely !== undefined && likely.groups > 0) kinds.push(["likely", likely]);
  if (kinds.length === 0 && likely !== undefined && !summary.partial)
    return <NothingTwice files={summary.files ?? 0} />;
  return (
    <>
      <Totals {...summary} />
      {kinds.length > 0 && <Kinds client={client} kinds={kinds} />}
    </>
  );
}

interface KindsProps {
  readonly client: Client;
  /** The kinds that there are; not empty. */
  readonly kinds: readonly [DuplicateKind, Duplicates][];
}

/** The duplicates of one kind, which can be chosen if there are several. */
function Kinds({ client, kinds }: KindsProps): JSX.Element {
  const [chosen, choose] = useState<DuplicateKind>("proved");
  const [kind, duplicates] =
    kinds.find(([kind]) => kind === chosen) ?? (kinds[0] as KindsProps["kinds"][0]);
  return (
    <>
      {kinds.length > 1 && (
        <fieldset class="tabs">
          <legend class="visually-hidden">{words.common.show}</legend>
          {kinds.map(([name, { groups }]) => (
            <button
              type="button"
              key={name}
              aria-pressed={name === kind}
              onClick={() => choose(name)}
            >
              {words.duplicates.kinds[name].name} <span class="number">{count(groups)}</span>
            </button>
          ))}
        </fieldset>
      )}
      <p class="note kind">{words.duplicates.kinds[kind].hint}</p>
      <Where key={kind} duplicates={duplicates} />
      <Groups {...{ client, kind, duplicates }} />
    </>
  );
}

function NothingTwice({ files }: { readonly files: number }): JSX.Element {
  const [title, hint] = describeNothingTwice(files);
  return (
    <div class="empty">
      <p class="empty-mark" aria-hidden="true">
        ✓
      </p>
      <p class="title">{title}</p>
      <p class="hint">{hint}</p>
    </div>
  );
}

function Totals(summary: DuplicatesSummary): JSX.Element {
  const { files = 0, bytes = 0, counting, partial, proved, likely } = summary;
  return (
    <>
      <dl class="counters">
        <Total
          number={proved?.duplicates}
          name={words.duplicates.totals.duplicates}
          note={describeAmount(proved)}
        />
        {(likely === undefined ? counting : likely.groups > 0) && (
          <Total
            number={likely?.duplicates}
            name={words.duplicates.totals.likely}
            note={describeAmount(likely)}
          />
        )}
        {!partial && (
          <Total number={files} name={words.duplicates.totals.files} note={size(bytes)} />
        )}
      </dl>
      {partial && <progress class="counting" aria-label={words.duplicates.counting} />}
      <p class="note as-of">{describeCounted(summary)}</p>
    </>
  );
}

interface TotalProps {
  /** Undefined until it is known. */
  readonly number: number | undefined;
  readonly name: (number: number) => string;
  readonly note: string;
}

function Total({ number, name, note }: TotalProps): JSX.Element {
  return (
    <div class="counter">
      <dt>{name(number ?? 0)}</dt>
      <dd>
        <b>{number === undefined ? "…" : count(number)}</b>
        <span class="note">{note}</span>
      </dd>
    </div>
  );
}
