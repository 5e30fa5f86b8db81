/** What was uploaded and what was avoided, by day, with totals. */

import "@onecopy/charts/charts.css";
import { type Point, TimeLine } from "@onecopy/charts/time-line.tsx";
import type { Activity, Client, Counts } from "@onecopy/client";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Failed } from "../failed.tsx";
import { useLoaded } from "../use-loaded.ts";
import {
  ACTIVITY,
  count,
  describeAvoided,
  describeFiles,
  describeUploaded,
  size,
} from "../words.ts";
import "./style.css";

interface Props {
  readonly client: Client;
}

export function ActivityView({ client }: Props): JSX.Element {
  const [attempt, setAttempt] = useState(0);
  const { value, error } = useLoaded<Activity>(
    async (show, signal) => show(await client.activity(signal)),
    String(attempt),
  );
  return (
    <section aria-labelledby="activity">
      <h2 id="activity" class="visually-hidden">
        Activity
      </h2>
      {error !== null && <Failed error={error} retry={() => setAttempt(attempt + 1)} />}
      {error === null && value === null && <p class="note">Loading…</p>}
      {value !== null && <Counted {...value} />}
    </section>
  );
}

function Counted({ days, months, total }: Activity): JSX.Element {
  if (total.uploaded_files + total.avoided_files === 0) return <Nothing />;
  return (
    <>
      <Totals {...total} />
      <TimeLines {...{ days, months }} />
    </>
  );
}

/** By day, or by month if there are several. */
function TimeLines({ days, months }: Pick<Activity, "days" | "months">): JSX.Element {
  const [period, choose] = useState<"day" | "month">("day");
  const counts: readonly Dated[] = useMemo(
    () =>
      period === "day"
        ? days.map((each) => ({ ...each, time: secondsOf(each.day) }))
        : months.map((each) => ({ ...each, time: secondsOf(each.month) })),
    [days, months, period],
  );
  const avoided = useMemo(() => points(counts, "avoided"), [counts]);
  const uploaded = useMemo(() => points(counts, "uploaded"), [counts]);
  return (
    <>
      <fieldset class="tabs">
        <legend class="visually-hidden">Sums</legend>
        {(["day", "month"] as const).map((name) => (
          <button
            type="button"
            key={name}
            aria-pressed={name === period}
            onClick={() => choose(name)}
          >
            {ACTIVITY[name]}
          </button>
        ))}
      </fieldset>
      <h3>{ACTIVITY.avoided}</h3>
      <TimeLine
        label={ACTIVITY.avoided}
        headings={ACTIVITY.headings[period]}
        points={avoided}
        kind="bars"
        format={size}
        period={period}
      />
      <h3>{ACTIVITY.uploaded}</h3>
      <TimeLine
        label={ACTIVITY.uploaded}
        headings={ACTIVITY.headings[period]}
        points={uploaded}
        kind="bars"
        format={size}
        period={period}
      />
    </>
  );
}

type Dated = Counts & { readonly time: number };

function secondsOf(date: string): number {
  return Date.parse(date) / 1000;
}

function points(counts: readonly Dated[], what: "avoided" | "uploaded"): Point[] {
  return counts.map((each) => ({
    time: each.time,
    value: each[`${what}_bytes`],
    note: describeFiles(each[`${what}_files`]),
  }));
}

function Nothing(): JSX.Element {
  return (
    <div class="empty">
      <p class="title">Nothing has been uploaded yet.</p>
      <p class="hint">
        Here you will see, by day, what was uploaded, and what did not have to be because it was
        already stored.
      </p>
    </div>
  );
}

function Totals(total: Counts): JSX.Element {
  return (
    <dl class="counters">
      <div class="counter">
        <dt>uploads avoided</dt>
        <dd>
          <b>{count(total.avoided_files)}</b>
          <span class="note">{describeAvoided(total)}</span>
        </dd>
      </div>
      <div class="counter">
        <dt>files uploaded</dt>
        <dd>
          <b>{count(total.uploaded_files)}</b>
          <span class="note">{describeUploaded(total)}</span>
        </dd>
      </div>
    </dl>
  );
}
