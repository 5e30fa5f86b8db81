/** One line of progress: how far reading and sending are, how fast, and how long it takes. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Meter } from "../../upload/meter.ts";
import type { Pause } from "../../upload/pause.ts";
import { type Selection, STATES, sum } from "../../upload/selection.ts";
import { duration, percent, size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { useChanges } from "../use-changes.ts";

interface Props {
  readonly selection: Selection;
  readonly pause: Pause;
  readonly isBusy: boolean;
  /** Whether work waits for the service, the bucket or a sign-in. */
  readonly isWaiting: boolean;
  readonly checkOnly: boolean;
  readonly cancelAll: () => void;
}

/** Bytes that are done, and all. */
interface Share {
  readonly done: number;
  readonly total: number;
}

const NOTHING: Share = { done: 0, total: 0 };

/** What takes time: in this browser, on the way to the store, and within the store. */
const WORKS = ["reading", "sending", "placing"] as const;
type Work = (typeof WORKS)[number];

export function Progress(props: Props): JSX.Element | null {
  const { selection, pause, isBusy, isWaiting, checkOnly, cancelAll } = props;
  useChanges(pause.subscribe);
  const meters = useRef(newMeters()).current;
  const shares = sharesOf(selection, checkOnly);
  const all = total(Object.values(shares));
  useTitle(isBusy ? `${shareOf(all)} · onecopy` : "onecopy");
  if (!isBusy) return null;
  const isPaused = pause.isPaused || isWaiting;
  const open = WORKS.filter((work) => isOpen(shares[work]));
  for (const work of WORKS) note(meters[work], shares[work], isPaused);
  const { summary } = words;
  const parts = [
    ...open.map((work) => summary[work](shareOf(shares[work])) + speed(work, meters[work])),
    isPaused
      ? summary.paused
      : describeLeft(open.map((work) => secondsLeft(shares[work], meters[work]))),
  ];
  return (
    <div class="progress">
      <progress aria-label={summary.progress} value={all.done} max={Math.max(1, all.total)} />
      <p>{parts.filter((part) => part !== "").join(" · ")}</p>
      <div class="controls">
        <button type="button" onClick={() => (pause.isPaused ? pause.resume() : pause.pause())}>
          {pause.isPaused ? summary.resume : summary.pause}
        </button>
        <button type="button" onClick={cancelAll}>
          {summary.cancelAll}
        </button>
      </div>
    </div>
  );
}

/** Name the page, for people who have gone to another tab. */
function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

function newMeters(): Record<Work, Meter> {
  return { reading: new Meter(), sending: new Meter(), placing: new Meter() };
}

function sharesOf(selection: Selection, checkOnly: boolean): Record<Work, Share> {
  const { sums, done } = selection;
  const all = sum(selection, ...STATES).bytes;
  const unread = sum(selection, "queued", "hashing", "checking").bytes;
  const toSend = sum(selection, "sending", "uploaded", "new").bytes;
  const toPlace = sum(selection, "placing", "placed").bytes;
  return {
    reading: { done: all - unread + done.hashing + done.checking, total: all },
    sending: checkOnly ? NOTHING : { done: sums.uploaded.bytes + done.sending, total: toSend },
    placing: { done: sums.placed.bytes + done.placing, total: toPlace },
  };
}

function total(shares: readonly Share[]): Share {
  const add = (one: Share, other: Share) => ({
    done: one.done + other.done,
    total: one.total + other.total,
  });
  return shares.reduce(add, NOTHING);
}

function note(meter: Meter, { done }: Share, isPaused: boolean): void {
  if (isPaused) meter.reset();
  else meter.note(performance.now(), done);
}

function isOpen({ done, total }: Share): boolean {
  return done < total;
}

function shareOf({ done, total }: Share): string {
  return percent(done, total);
}

/** Return how fast bytes are sent, which people compare with their connection. */
function speed(work: Work, { rate }: Meter): string {
  if (work !== "sending" || rate === null || rate < 1) return "";
  return `, ${words.summary.rate(size(rate))}`;
}

function secondsLeft({ done, total }: Share, meter: Meter): number | null {
  return meter.secondsFor(total - done);
}

/** All kinds of work run beside each other, so the longest decides; it may not be known. */
function describeLeft(seconds: readonly (number | null)[]): string {
  const known = seconds.filter((each) => each !== null);
  if (known.length < Math.max(1, seconds.length)) return "";
  return words.summary.left(duration(Math.max(...known)));
}
