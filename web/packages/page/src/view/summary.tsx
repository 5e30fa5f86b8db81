/** The sums: what is new, what is spared, how far it is. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ConnectionState } from "../upload/connection.ts";
import { type Selection, sum } from "../upload/selection.ts";
import { count, money, percent, size } from "./words.ts";

const GB = 1e9;

interface Props {
  readonly selection: Selection;
  /** US dollars per GB and month; null as long as it is not known. */
  readonly price: number | null;
  readonly onlyCheck: boolean;
}

export function Counters({ selection, price }: Props): JSX.Element {
  const fresh = sum(selection, "new", "sending", "uploaded");
  const sent = selection.sums.uploaded.files === fresh.files;
  const spared = selection.sums.duplicate;
  const open = sum(selection, "taken", "unconfirmed");
  const { failed } = selection.sums;
  return (
    <dl class="counters">
      <Counter name="new" {...fresh} note={`${size(fresh.bytes)} ${sent ? "sent" : "to send"}`} />
      <Counter name="already there" {...spared} note={saySpared(spared.bytes, price)} />
      <Counter name={open.files === 1 ? "needs you" : "need you"} {...open} />
      {failed.files > 0 && <Counter name="failed" {...failed} />}
    </dl>
  );
}

function saySpared(bytes: number, price: number | null): string {
  const saved =
    bytes === 0 || price === null ? "" : `, ${money((price * bytes) / GB)} a month saved`;
  return `${size(bytes)} not sent${saved}`;
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

export function Progress({ selection, onlyCheck }: Props): JSX.Element {
  const all = sum(selection, ...(Object.keys(selection.sums) as (keyof Selection["sums"])[]));
  const open = sum(selection, "queued", "hashing", "checking");
  const checked = all.bytes - open.bytes + selection.done.hashing;
  const sent = sum(selection, "uploaded").bytes + selection.done.sending;
  const toSend = sum(selection, "sending", "uploaded", "new").bytes;
  const sends = toSend > 0 && !onlyCheck;
  return (
    <div class="progress">
      <Bar name="checked" done={checked} total={all.bytes} complete={open.files === 0} />
      {sends && <Bar name="sent" done={sent} total={toSend} complete={sent === toSend} />}
    </div>
  );
}

function Bar(props: { name: string; done: number; total: number; complete: boolean }): JSX.Element {
  const { name, done, total, complete } = props;
  // Empty files count for nothing in bytes: only when none is left, all is done.
  const share = complete ? "100 %" : percent(Math.min(done, total * 0.999), total || 1);
  return (
    <label class="bar">
      <span>
        {name} {share}
      </span>
      <progress value={complete ? 1 : done} max={complete ? 1 : total || 1} />
    </label>
  );
}

/** Milliseconds between two announcements. */
const PAUSE = 4_000;

/** One polite word about all files, now and then, for those who don't see them. */
export function Announcer({ text }: { readonly text: string }): JSX.Element {
  const [said, say] = useState("");
  const [last, setLast] = useState(0);
  useEffect(() => {
    if (text === said) return;
    const speak = () => {
      say(text);
      setLast(Date.now());
    };
    const timer = setTimeout(speak, Math.max(300, last + PAUSE - Date.now()));
    return () => clearTimeout(timer);
  }, [text, said, last]);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {said}
    </p>
  );
}

/** Who is away, and what that means. */
export const AWAY: Partial<Record<ConnectionState, string>> = {
  unreachable: "The service can’t be reached. Work pauses, and goes on by itself.",
  "store-unreachable": "The bucket can’t be reached. Work pauses, and goes on by itself.",
};

/** Say all of it in a sentence. */
export function announce(selection: Selection, busy: boolean, state: ConnectionState): string {
  const away = AWAY[state];
  if (away !== undefined) return away;
  if (selection.items.length === 0) return "";
  const { uploaded, duplicate, failed } = selection.sums;
  const open = sum(selection, "taken", "unconfirmed");
  const parts = [
    `${count(sum(selection, "new", "sending", "uploaded").files)} new`,
    `${count(duplicate.files)} already there`,
    `${count(uploaded.files)} uploaded`,
  ];
  if (open.files > 0) parts.push(`${count(open.files)} need you`);
  if (failed.files > 0) parts.push(`${count(failed.files)} failed`);
  return `${busy ? "Working" : "Done"}: ${parts.join(", ")}.`;
}
