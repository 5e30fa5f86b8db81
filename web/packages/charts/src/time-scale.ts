/** Where the points of a time line are, in pixels. */

interface Value {
  readonly time: number;
  readonly value: number;
}

export interface Frame {
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  /** Where an amount of nothing is. */
  readonly bottom: number;
  /** The largest amount. */
  readonly most: number;
  readonly times: readonly number[];
  /** The middle of each point, and its upper end. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** The width of a bar. */
  readonly bar: number;
}

const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [76, 24, 12, 32];
const SECONDS = { day: 86_400, month: 31 * 86_400 };
/** A line may begin at the edge; a bar needs room for its half. */
const MARGIN = { bars: 0.6, line: 0.1 };
const [MOST_BAR, BAR_SHARE] = [40, 0.7];
/** Pixels for the words below a point. */
const LABEL = 76;

export function frameOf(
  points: readonly Value[],
  period: "day" | "month",
  kind: "bars" | "line",
  width: number,
): Frame {
  const times = points.map(({ time }) => time);
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
  const margin = SECONDS[period] * MARGIN[kind];
  const [right, bottom] = [Math.max(LEFT, width - RIGHT), HEIGHT - BOTTOM];
  const scale = (right - LEFT) / (last - first + 2 * margin);
  const most = points.reduce((so, { value }) => Math.max(so, value), 0);
  return {
    ...{ height: HEIGHT, left: LEFT, right, top: TOP, bottom, most, times },
    x: times.map((time) => LEFT + (time - first + margin) * scale),
    y: points.map(({ value }) => bottom - ((bottom - TOP) * value) / Math.max(most, 1)),
    bar: Math.min(MOST_BAR, Math.max(1, BAR_SHARE * SECONDS[period] * scale)),
  };
}

/** Return the points below which there is room for words: the last, and others before it. */
export function labels({ x, left, right }: Frame): number[] {
  const chosen: number[] = [];
  let limit = Number.POSITIVE_INFINITY;
  for (let at = x.length - 1; at >= 0; at--) {
    const here = x[at] ?? 0;
    if (here > limit || here < left || here > right) continue;
    chosen.unshift(at);
    limit = here - LABEL;
  }
  return chosen;
}

/** Return the number of the point that is nearest to a place; null if there is none. */
export function nearest({ x }: Pick<Frame, "x">, place: number): number | null {
  const best = (least: number, each: number, at: number) =>
    Math.abs(each - place) < Math.abs((x[least] ?? 0) - place) ? at : least;
  return x.length === 0 ? null : x.reduce(best, 0);
}
