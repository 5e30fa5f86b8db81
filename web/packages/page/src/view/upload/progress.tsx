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

export function Progress(props: Props): JSX.Element | null {
  const { selection, pause, isBusy, isWaiting, checkOnly, cancelAll } = props;
  useChanges(pause.subscribe);
  const meters = useRef({ reading: new Meter(), sending: new Meter() }).current;
  const reading = readingOf(selection);
  const sending = checkOnly ? { done: 0, total: 0 } : sendingOf(selection);
  const all = { done: reading.done + sending.done, total: reading.total + sending.total };
  useTitle(isBusy ? `${shareOf(all)} · onecopy` : "onecopy");
  if (!isBusy) return null;
  const isPaused = pause.isPaused || isWaiting;
  note(meters.reading, reading, isPaused);
  note(meters.sending, sending, isPaused);
  const { summary } = words;
  const parts = [
    ...(isOpen(reading) ? [summary.reading(shareOf(reading))] : []),
    ...(isOpen(sending) ? [describeSending(sending, meters.sending)] : []),
    isPaused ? summary.paused : describeLeft(meters, reading, sending),
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

function readingOf(selection: Selection): Share {
  const total = sum(selection, ...STATES).bytes;
  const open = sum(selection, "queued", "hashing", "checking").bytes;
  return { done: total - open + selection.done.hashing, total };
}

function sendingOf(selection: Selection): Share {
  const total = sum(selection, "sending", "uploaded", "new").bytes;
  return { done: selection.sums.uploaded.bytes + selection.done.sending, total };
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

function describeSending(share: Share, { rate }: Meter): string {
  const { sending, rate: perSecond } = words.summary;
  const speed = rate === null || rate < 1 ? "" : `, ${perSecond(size(rate))}`;
  return sending(shareOf(share)) + speed;
}

/** Reading and sending run beside each other, so the longer one decides. */
function describeLeft(meters: Record<"reading" | "sending", Meter>, read: Share, send: Share) {
  const seconds = [
    meters.reading.secondsFor(read.total - read.done),
    meters.sending.secondsFor(send.total - send.done),
  ];
  const known = seconds.filter((each) => each !== null);
  if (known.length < seconds.length || Math.max(...known) === 0) return "";
  return words.summary.left(duration(Math.max(...known)));
}
