/** Totals: how much is new, how much need not be uploaded, and the progress. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ConnectionState } from "../connection.ts";
import { type Selection, sum } from "../upload/selection.ts";
import { count, money, percent, size } from "./words.ts";

const BYTES_PER_GB = 1e9;

interface Props {
  readonly selection: Selection;
  /** US dollars per GB and month; null until it is known. */
  readonly price: number | null;
  readonly checkOnly: boolean;
}

export function Counters({ selection, price }: Props): JSX.Element {
  const fresh = sum(selection, "new", "sending", "uploaded");
  const isDone = selection.sums.uploaded.files === fresh.files;
  const avoided = selection.sums.duplicate;
  const open = sum(selection, "taken", "unconfirmed");
  const { failed } = selection.sums;
  const progress = isDone ? "uploaded" : "to upload";
  return (
    <dl class="counters">
      <Counter
        name="new"
        {...fresh}
        note={`${size(fresh.bytes)} ${progress}${describeUncertain(selection)}`}
      />
      <Counter name="already stored" {...avoided} note={describeAvoided(avoided.bytes, price)} />
      <Counter name="to review" {...open} />
      {failed.files > 0 && <Counter name="failed" {...failed} />}
    </dl>
  );
}

function describeAvoided(bytes: number, price: number | null): string {
  const text = `${size(bytes)} not uploaded`;
  if (bytes === 0 || price === null) return text;
  return `${text}, saves ${money((price * bytes) / BYTES_PER_GB)} a month`;
}

function describeUncertain({ uncertain }: Selection): string {
  return uncertain > 0 ? `, ${count(uncertain)} not certain` : "";
}

function Counter(props: { name: string; files: number; note?: string }): JSX.Element {
  return (
    <div class="counter">
      <dt>{props.name}</dt>
      <dd>
        <b>{count(props.files)}</b>
        <span class="note">{props.note}</span>
      </dd>
    </div>
  );
}

export function Progress({ selection, checkOnly }: Props): JSX.Element {
  const all = sum(selection, ...(Object.keys(selection.sums) as (keyof Selection["sums"])[]));
  const open = sum(selection, "queued", "hashing", "checking");
  const checked = all.bytes - open.bytes + selection.done.hashing;
  const sent = sum(selection, "uploaded").bytes + selection.done.sending;
  const toSend = sum(selection, "sending", "uploaded", "new").bytes;
  const isSending = toSend > 0 && !checkOnly;
  return (
    <div class="progress">
      <Bar name="checked" done={checked} total={all.bytes} isComplete={open.files === 0} />
      {isSending && <Bar name="uploaded" done={sent} total={toSend} isComplete={sent === toSend} />}
    </div>
  );
}

interface BarProps {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  readonly isComplete: boolean;
}

function Bar({ name, done, total, isComplete }: BarProps): JSX.Element {
  // Empty files add no bytes, so the bytes alone don't show that all files are done.
  const share = isComplete ? "100%" : percent(Math.min(done, total * 0.999), total || 1);
  return (
    <label class="bar">
      <span>
        {name} {share}
      </span>
      <progress value={isComplete ? 1 : done} max={isComplete ? 1 : total || 1} />
    </label>
  );
}

const FIRST_ANNOUNCEMENT_MS = 300;
const ANNOUNCEMENT_INTERVAL_MS = 4_000;

/** Announces the totals to screen readers, politely and not too often. */
export function Announcer({ text }: { readonly text: string }): JSX.Element {
  const [announced, setAnnounced] = useState("");
  const [last, setLast] = useState(0);
  useEffect(() => {
    if (text === announced) return;
    const speak = () => {
      setAnnounced(text);
      setLast(Date.now());
    };
    const wait = Math.max(FIRST_ANNOUNCEMENT_MS, last + ANNOUNCEMENT_INTERVAL_MS - Date.now());
    const timer = setTimeout(speak, wait);
    return () => clearTimeout(timer);
  }, [text, announced, last]);
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {announced}
    </p>
  );
}

/** The message for a host that can't be reached. */
export const OFFLINE: Partial<Record<ConnectionState, string>> = {
  unreachable: "The service can’t be reached. Uploads are paused and resume automatically.",
  "store-unreachable": "The bucket can’t be reached. Uploads are paused and resume automatically.",
};

function announceUncertain({ uncertain }: Selection): string {
  return uncertain > 0 ? ` (${count(uncertain)} of them not certain)` : "";
}

/** Return the state of the whole selection in one sentence. */
export function announce(selection: Selection, isBusy: boolean, state: ConnectionState): string {
  const offline = OFFLINE[state];
  if (offline !== undefined) return offline;
  if (selection.items.length === 0) return "";
  const { uploaded, duplicate, failed } = selection.sums;
  const open = sum(selection, "taken", "unconfirmed");
  const parts = [
    `${count(sum(selection, "new", "sending", "uploaded").files)} new${announceUncertain(selection)}`,
    `${count(duplicate.files)} already stored`,
    `${count(uploaded.files)} uploaded`,
  ];
  if (open.files > 0) parts.push(`${count(open.files)} to review`);
  if (failed.files > 0) parts.push(`${count(failed.files)} failed`);
  return `${isBusy ? "Working" : "Done"}: ${parts.join(", ")}.`;
}
