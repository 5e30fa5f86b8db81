/** An amount by day or month: bars or a line, in SVG. */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { Alternative } from "./alternative.tsx";
import { type Frame, frameOf, labels, nearest } from "./time-scale.ts";
import { useWidth } from "./use-width.ts";
import { words } from "./words.ts";

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

/** Pixels from an axis to its words. */
const GAP = 8;

export function TimeLine(props: Props): JSX.Element {
  const { label, points, period, format, headings } = props;
  const [shown, setShown] = useState<number | null>(null);
  const name = timeFormat(period, "long");
  const point = points[shown ?? points.length - 1] ?? points.at(-1);
  return (
    <div class="chart time-line">
      <p class="reading" aria-hidden="true">
        {point && `${name(point.time)} · ${format(point.value)}`}
        {point?.note && ` · ${point.note}`}
      </p>
      <Plot {...props} shown={shown} show={setShown} />
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

interface PlotProps extends Props {
  /** The number of the point below the pointer. */
  readonly shown: number | null;
  readonly show: (number: number | null) => void;
}

/** The picture; the pointer reads its points. */
function Plot({ show, ...props }: PlotProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const { points, period, kind } = props;
  const frame = frameOf(points, period, kind, width);
  return (
    <div
      ref={box}
      class="plot"
      role="img"
      aria-label={describe(props)}
      onPointerMove={(event) => show(nearest(frame, event.offsetX))}
      onPointerLeave={() => show(null)}
    >
      {width > 0 && points.length > 0 && (
        <svg width={width} height={frame.height} aria-hidden="true">
          <Axes {...props} frame={frame} />
          {kind === "bars" ? <Bars {...props} frame={frame} /> : <Line {...props} frame={frame} />}
        </svg>
      )}
    </div>
  );
}

type Drawn = Omit<PlotProps, "show"> & { readonly frame: Frame };

function Axes({ frame, period, format }: Drawn): JSX.Element {
  const { left, right, bottom, top, most } = frame;
  const name = timeFormat(period, "short");
  return (
    <>
      {[0, most / 2, most].map((value, at) => {
        const y = bottom - ((bottom - top) * at) / 2;
        return (
          <g key={at}>
            <line class="grid" x1={left} x2={right} y1={y} y2={y} />
            {(most > 0 || at === 0) && (
              <text class="amount" x={left - GAP} y={y} dy="0.3em">
                {format(value)}
              </text>
            )}
          </g>
        );
      })}
      {labels(frame).map((at) => (
        <text class="time" key={at} x={frame.x[at]} y={bottom + 2 * GAP}>
          {name(frame.times[at] ?? 0)}
        </text>
      ))}
    </>
  );
}

function Bars({ frame, points, shown }: Drawn): JSX.Element {
  const { x, y, bottom, bar } = frame;
  return (
    <>
      {points.map(({ time }, at) => (
        <rect
          key={time}
          class={at === shown ? "bar shown" : "bar"}
          x={(x[at] ?? 0) - bar / 2}
          y={y[at]}
          width={bar}
          height={bottom - (y[at] ?? 0)}
          rx={Math.min(4, bar * 0.15)}
        />
      ))}
    </>
  );
}

function Line({ frame, shown }: Drawn): JSX.Element {
  const { x, y, bottom } = frame;
  const line = x.map((each, at) => `${each},${y[at]}`).join(" ");
  return (
    <>
      <polygon class="area" points={`${x[0]},${bottom} ${line} ${x.at(-1)},${bottom}`} />
      <polyline class="line" points={line} />
      {shown !== null && <circle class="dot" cx={x[shown]} cy={y[shown]} r={4} />}
    </>
  );
}

function timeFormat(period: Props["period"], month: "long" | "short"): (time: number) => string {
  const dates = new Intl.DateTimeFormat(words.locale, {
    ...(period === "day" ? { day: "numeric" } : {}),
    ...(period === "month" || month === "long" ? { year: "numeric" } : {}),
    month,
    timeZone: "UTC",
  });
  return (time) => dates.format(time * 1000);
}

/** The picture in a sentence. */
function describe({ label, points, period, format }: Props): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return words.nothing(label);
  const name = timeFormat(period, "long");
  return `${label}: ${name(first.time)} ${format(first.value)}, ${name(last.time)} ${format(last.value)}`;
}
