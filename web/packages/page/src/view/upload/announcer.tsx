/** What screen readers hear: the totals in one sentence, politely and not too often. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ConnectionState } from "../../connection.ts";
import type { Selection } from "../../upload/selection.ts";
import { count } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { newFiles, openFiles } from "./totals.ts";

const FIRST_ANNOUNCEMENT_MS = 300;
const ANNOUNCEMENT_INTERVAL_MS = 4_000;

export function Announcer({ text }: { readonly text: string }): JSX.Element {
  const [announced, setAnnounced] = useState("");
  const [last, setLast] = useState(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    if (text === announced) return;
    const speak = () => {
      setAnnounced(text);
      setLast(performance.now());
    };
    const wait = Math.max(
      FIRST_ANNOUNCEMENT_MS,
      last + ANNOUNCEMENT_INTERVAL_MS - performance.now(),
    );
    const timer = setTimeout(speak, wait);
    return () => clearTimeout(timer);
  }, [text, announced, last]);
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {announced}
    </p>
  );
}

/** Whether work is in progress, waits for the user, or has ended. */
export type Work = "working" | "paused" | "done";

/** Return the message for a host that can't be reached; undefined if all can be. */
export function offline(state: ConnectionState): string | undefined {
  return words.header.offline[state as keyof typeof words.header.offline];
}

/** Return the state of the whole selection in one sentence. */
export function announce(selection: Selection, work: Work, state: ConnectionState): string {
  const down = offline(state);
  if (down !== undefined) return down;
  if (selection.items.length === 0) return "";
  const say = words.summary.announce;
  const { uploaded, duplicate, placed, failed, skipped } = selection.sums;
  const open = openFiles(selection).files;
  const uncertain = selection.uncertain > 0 ? say.uncertain(count(selection.uncertain)) : "";
  const parts = [
    say.new(count(newFiles(selection).files)) + uncertain,
    say.stored(count(duplicate.files)),
    say.uploaded(count(uploaded.files)),
  ];
  if (placed.files > 0) parts.push(say.placed(count(placed.files)));
  if (open > 0) parts.push(say.decide(open, count(open)));
  if (failed.files > 0) parts.push(say.failed(count(failed.files)));
  if (skipped.files > 0) parts.push(say.skipped(count(skipped.files)));
  return `${say[work]}: ${parts.join(", ")}.`;
}
