/** What was uploaded and what was avoided, by day, with totals. */

import "@onecopy/charts/charts.css";
import { type Point, TimeLine } from "@onecopy/charts/time-line.tsx";
import type { Activity, Client, Counts } from "@onecopy/client";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { count, money, numberOfFiles, size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { Failed } from "../failed.tsx";
import { useLoaded } from "../use-loaded.ts";
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
        {words.activity.title}
      </h2>
      {error !== null && <Failed error={error} retry={() => setAttempt(attempt + 1)} />}
      {error === null && value === null && <p class="note">{words.common.loading}</p>}
      {value !== null && <Counted {...value} />}
    </section>
  );
}

function Counted({ days, months, total }: Activity): JSX.Element {
  if (total.uploaded_files + total.avoided_files === 0) return <Nothing />;
  return (
    <>
      <Totals {...total} />
      <p class="note">{words.common.notEmpty}</p>
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
        <legend class="visually-hidden">{words.activity.sums}</legend>
        {(["day", "month"] as const).map((name) => (
          <button
            type="button"
            key={name}
            aria-pressed={name === period}
            onClick={() => choose(name)}
          >
            {words.activity[name]}
          </button>
        ))}
      </fieldset>
      <h3>{words.activity.avoided}</h3>
      <TimeLine
        label={words.activity.avoided}
        headings={words.activity.headings[period]}
        points={avoided}
        kind="bars"
        format={size}
        period={period}
      />
      <h3>{words.activity.uploaded}</h3>
      <TimeLine
        label={words.activity.uploaded}
        headings={words.activity.headings[period]}
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
    note: numberOfFiles(each[`${what}_files`]),
  }));
}

function Nothing(): JSX.Element {
  return (
    <div class="empty">
      <p class="title">{words.activity.nothing}</p>
      <p class="hint">{words.activity.nothingHint}</p>
    </div>
  );
}

function Totals(total: Counts): JSX.Element {
  return (
    <dl class="counters">
      <div class="counter">
        <dt>{words.activity.totals.avoided(total.avoided_files)}</dt>
        <dd>
          <b>{count(total.avoided_files)}</b>
          <span class="note">{saved(total)}</span>
        </dd>
      </div>
      <div class="counter">
        <dt>{words.activity.totals.uploaded(total.uploaded_files)}</dt>
        <dd>
          <b>{count(total.uploaded_files)}</b>
          <span class="note">{size(total.uploaded_bytes)}</span>
        </dd>
      </div>
    </dl>
  );
}

function saved({ avoided_bytes, saved_per_month }: Counts): string {
  return words.activity.saves(size(avoided_bytes), money(saved_per_month));
}
