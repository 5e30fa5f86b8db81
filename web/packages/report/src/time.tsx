/** How it changed: uploads that were avoided, and earlier reports. */

import { TimeLine } from "@onecopy/charts/time-line.tsx";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Kept, Avoided as Month } from "./data.ts";
import { count, counted, size } from "./words.ts";

export function Avoided({ months }: { readonly months: readonly Month[] }): JSX.Element | null {
  const points = useMemo(
    () =>
      months.map(({ time, bytes, files }) => ({
        time,
        value: bytes,
        note: counted(files, "file"),
      })),
    [months],
  );
  if (points.length === 0) return null;
  const files = months.reduce((sum, month) => sum + month.files, 0);
  const bytes = months.reduce((sum, month) => sum + month.bytes, 0);
  return (
    <section>
      <h2>Not sent, because it was already stored</h2>
      <p class="note">
        {size(bytes)} in {counted(files, "file")} altogether
      </p>
      <TimeLine
        label="Bytes not sent, by month"
        {...{ points }}
        period="month"
        kind="bars"
        format={size}
        headings={["month", "not sent", "files"]}
      />
    </section>
  );
}

export function History({ reports }: { readonly reports: readonly Kept[] }): JSX.Element | null {
  const points = useMemo(
    () =>
      reports.map(({ time, bytes, wasted }) => ({
        time,
        value: wasted,
        note: `of ${size(bytes)} stored`,
      })),
    [reports],
  );
  if (points.length < 2) return null;
  return (
    <section>
      <h2>How it changed</h2>
      <p class="note">
        Bytes in proved duplicates, in {count(points.length)} reports that were kept
      </p>
      <TimeLine
        label="Bytes in duplicates, by report"
        {...{ points }}
        period="day"
        kind="line"
        format={size}
        headings={["report", "in duplicates", "stored"]}
      />
    </section>
  );
}
