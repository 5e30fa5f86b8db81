/** An amount by day or month, drawn by uPlot. */

import type { JSX, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Alternative } from "./alternative.tsx";
import { colour, useColours } from "./colours.ts";
import { useWidth } from "./use-width.ts";

export interface Point {
  /** Start of the day or month in seconds since 1970, UTC. */
  readonly time: number;
  readonly value: number;
  /** A second figure in words, such as `1,204 files`. */
  readonly note?: string;
}

interface Props {
  /** What the line shows, as `Bytes not sent, by month`. */
  readonly label: string;
  /** In the order of time. */
  readonly points: readonly Point[];
  readonly period: "day" | "month";
  /** Sums of a period are bars, states at a time are a line. */
  readonly kind: "bars" | "line";
  /** Returns an amount in words. */
  readonly format: (value: number) => string;
  /** Headings of the table: time, amount and, if the points have notes, the note. */
  readonly headings: readonly string[];
}

const HEIGHT = 220;
const DAY = 86_400;
const DAYS = { day: 1, month: 31 };

export function TimeLine(props: Props): JSX.Element {
  const { label, points, period, format, headings } = props;
  const box = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<number | null>(null);
  useUPlot(box, props, setShown);
  const name = timeFormat(period);
  const point = points[shown ?? points.length - 1];
  return (
    <div class="chart time-line">
      <p class="reading" aria-hidden="true">
        {point && `${name(point.time)} · ${format(point.value)}`}
        {point?.note && ` · ${point.note}`}
      </p>
      <div ref={box} class="plot" role="img" aria-label={describe(props)} />
      <Alternative
        label={label}
        headings={headings}
        rows={points.map((each) => [
          name(each.time),
          format(each.value),
          ...(headings.length > 2 ? [each.note ?? ""] : []),
        ])}
      />
    </div>
  );
}

/** Draw into the element, and again when its width or the colours change. */
function useUPlot(
  box: RefObject<HTMLDivElement | null>,
  props: Props,
  show: (index: number | null) => void,
): void {
  const width = useWidth(box);
  const colours = useColours();
  const { points, period, kind, format } = props;
  // Colours are read while it draws.
  useEffect(() => {
    if (!box.current || width === 0 || points.length === 0) return;
    const data: uPlot.AlignedData = [
      points.map((point) => point.time),
      points.map((point) => point.value),
    ];
    const plot = new uPlot(options(props, width, show), data, box.current);
    return () => plot.destroy();
  }, [points, period, kind, format, width, colours]);
}

function options(props: Props, width: number, show: (index: number | null) => void): uPlot.Options {
  const { points, period, kind, format } = props;
  const [first, last] = [points[0]?.time ?? 0, points.at(-1)?.time ?? 0];
  const margin = DAYS[period] * DAY * (kind === "bars" ? 0.6 : 0.1);
  const axis = { stroke: () => colour("soft"), font: "12px system-ui, sans-serif" };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === "line" } },
    tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "UTC"),
    hooks: { setCursor: [(plot) => show(plot.cursor.idx ?? null)] },
    scales: {
      x: { range: () => [first - margin, last + margin] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { show: false },
        space: 64,
        incrs: steps(period),
        // uPlot's own names of months are fine; of days it has those of one country.
        ...(period === "day" ? { values: (_, times) => times.map(shortDay) } : {}),
      },
      {
        ...axis,
        grid: { stroke: () => colour("line"), width: 1 },
        ticks: { show: false },
        size: 72,
        splits: (_, __, ___, most) => [0, most / 2, most].map((value) => value / 1.1),
        values: (_, values) => values.map(format),
      },
    ],
    series: [{}, series(kind)],
  };
}

const SHORT_DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});

function shortDay(time: number): string {
  return SHORT_DAY.format(time * 1000);
}

function steps(period: Props["period"]): number[] {
  const month = 30 * DAY;
  const months = [month, 3 * month, 6 * month, 12 * month, 24 * month, 60 * month];
  return period === "month" ? months : [DAY, 7 * DAY, 14 * DAY, ...months];
}

function series(kind: Props["kind"]): uPlot.Series {
  const bars = kind === "bars" ? uPlot.paths.bars?.({ size: [0.7, 40], radius: 0.15 }) : undefined;
  return {
    stroke: () => colour("accent"),
    fill: () => colour(kind === "bars" ? "accent" : "accent-tint"),
    width: kind === "bars" ? 0 : 2,
    points: { show: false },
    ...(bars ? { paths: bars } : {}),
  };
}

function timeFormat(period: Props["period"]): (time: number) => string {
  const day = period === "day" ? { day: "numeric" as const } : {};
  const dates = new Intl.DateTimeFormat("en-GB", {
    ...day,
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
  return (time) => dates.format(time * 1000);
}

/** The picture in a sentence. */
function describe({ label, points, period, format }: Props): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return `${label}: nothing yet`;
  const name = timeFormat(period);
  return `${label}: ${name(first.time)} ${format(first.value)}, ${name(last.time)} ${format(last.value)}`;
}
