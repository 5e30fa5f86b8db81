/** Latencies by percentile, both scales logarithmic, drawn by uPlot. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Alternative } from "./alternative.tsx";
import { colour, useColours } from "./colours.ts";
import { useWidth } from "./use-width.ts";

export interface Curve {
  readonly name: string;
  /** Number of its colour (`--c0` to `--c4`) and its dashes. */
  readonly style: number;
  /** Percentile from 0 to below 1, and nanoseconds, in order; all curves have the same ones. */
  readonly points: readonly (readonly [number, number])[];
}

interface Props {
  readonly label: string;
  readonly curves: readonly Curve[];
}

const HEIGHT = 260;
const TICKS = new Map([
  [0, "0"],
  [0.5, "50"],
  [0.9, "90"],
  [0.99, "99"],
  [0.999, "99.9 %"],
]);
const DASHES = [[], [7, 3], [2, 3], [10, 3, 2, 3], []];

/** 90, 99 and 99.9 % are evenly spaced. */
const nines = (percentile: number) => -Math.log10(1 - percentile);

export function Curves({ label, curves }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const colours = useColours();
  const [shown, setShown] = useState<number | null>(null);
  const percentiles = percentilesOf(curves);
  // Colours are read while it draws.
  useEffect(() => {
    if (!box.current || width === 0) return;
    const columns = curves.map(({ points }) => points.map(([, value]) => value));
    const plot = new uPlot(
      options(curves, width, setShown),
      [percentilesOf(curves).map(nines), ...columns],
      box.current,
    );
    return () => plot.destroy();
  }, [curves, width, colours]);
  const at = shown ?? percentiles.indexOf(0.99);
  return (
    <div class="chart curves-chart">
      <p class="reading" aria-hidden="true">
        {percent(percentiles[at] ?? 0)} ·{" "}
        {curves.map((curve) => `${curve.name} ${duration(curve.points[at]?.[1])}`).join(" · ")}
      </p>
      <div ref={box} class="plot" role="img" aria-label={label} />
      <Alternative
        label={label}
        headings={["share of calls", ...curves.map((curve) => curve.name)]}
        rows={[...TICKS.keys()]
          .map((tick) => percentiles.indexOf(tick))
          .filter((place) => place >= 0)
          .map((place) => [
            percent(percentiles[place] ?? 0),
            ...curves.map((curve) => duration(curve.points[place]?.[1])),
          ])}
      />
    </div>
  );
}

/** The percentiles of the longest curve; others end earlier. */
function percentilesOf(curves: readonly Curve[]): number[] {
  const longest = Math.max(0, ...curves.map((curve) => curve.points.length));
  const points = curves.find((curve) => curve.points.length === longest)?.points ?? [];
  return points.map(([percentile]) => percentile);
}

function options(
  curves: readonly Curve[],
  width: number,
  show: (index: number | null) => void,
): uPlot.Options {
  const axis = {
    stroke: () => colour("soft"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
  };
  const ticks = [...TICKS.keys()].map(nines);
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [(plot) => show(plot.cursor.idx ?? null)] },
    scales: { x: { time: false, range: () => [0, 3] }, y: { distr: 3, range: decades } },
    axes: [
      { ...axis, splits: () => ticks, values: () => [...TICKS.values()] },
      {
        ...axis,
        size: 64,
        splits: (_, __, least, most) => powers(least, most),
        values: (_, splits) => splits.map((value) => duration(value).replace(/\.0+/, "")),
      },
    ],
    series: [{}, ...curves.map(series)],
  };
}

function series({ style }: Curve): uPlot.Series {
  return {
    stroke: () => colour(`c${style}`),
    dash: DASHES[style] ?? [],
    width: style === DASHES.length - 1 ? 1 : 2,
    points: { show: false },
  };
}

/** The powers of ten around all values. */
function decades(_: uPlot, least: number, most: number): [number, number] {
  const low = Math.floor(Math.log10(least));
  return [10 ** low, 10 ** Math.max(low + 1, Math.ceil(Math.log10(most)))];
}

function powers(least: number, most: number): number[] {
  const [low, high] = [least, most].map((value) => Math.round(Math.log10(value)));
  return Array.from(
    { length: (high ?? 0) - (low ?? 0) + 1 },
    (_, place) => 10 ** ((low ?? 0) + place),
  );
}

function percent(percentile: number): string {
  return `${Number((100 * percentile).toFixed(2))} %`;
}

/** Return a time with three digits and its unit. */
export function duration(nanoseconds: number | undefined): string {
  if (nanoseconds === undefined) return "–";
  for (const [unit, size] of [["µs", 1e3] as const, ["ms", 1e6] as const]) {
    if (nanoseconds < 999.5 * size) return `${(nanoseconds / size).toPrecision(3)} ${unit}`;
  }
  return `${(nanoseconds / 1e9).toFixed(2)} s`;
}
