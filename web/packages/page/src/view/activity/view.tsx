/** What was uploaded and what was avoided, by day, with totals. */

import type { Activity, Client, Counts } from "@onecopy/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Failed } from "../failed.tsx";
import { useLoaded } from "../use-loaded.ts";
import { count, describeAvoided, describeUploaded, money, period, size } from "../words.ts";
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
      <Table caption="By month" rows={months.map((each) => [each.month, each] as const)} />
      <Table caption="By day" rows={days.map((each) => [each.day, each] as const)} />
    </>
  );
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

interface TableProps {
  readonly caption: string;
  readonly rows: readonly (readonly [string, Counts])[];
}

/** The figures themselves, the latest first. */
function Table({ caption, rows }: TableProps): JSX.Element {
  return (
    <details class="figures">
      <summary>{caption}</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">UTC</th>
            <th scope="col">Avoided</th>
            <th scope="col">Saved a month</th>
            <th scope="col">Uploaded</th>
          </tr>
        </thead>
        <tbody>
          {rows.toReversed().map(([name, counts]) => (
            <tr key={name}>
              <th scope="row">{period(name)}</th>
              <td>{amount(counts.avoided_files, counts.avoided_bytes)}</td>
              <td>{money(counts.saved_per_month)}</td>
              <td>{amount(counts.uploaded_files, counts.uploaded_bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function amount(files: number, bytes: number): string {
  return files === 0 ? "–" : `${count(files)} (${size(bytes)})`;
}
