/** Totals: how much is new, how much need not be sent, and what the user has to decide. */

import type { JSX } from "preact";
import type { Selection } from "../../upload/selection.ts";
import { count, money, size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { newFiles, openFiles, saving, storedFiles } from "./totals.ts";

interface Props {
  readonly selection: Selection;
  /** US dollars per GB and month; null until it is known. */
  readonly price: number | null;
}

export function Counters({ selection, price }: Props): JSX.Element {
  const { summary } = words;
  const [fresh, stored, open] = [newFiles, storedFiles, openFiles].map((each) => each(selection));
  const { failed } = selection.sums;
  return (
    <dl class="counters">
      <Counter name={summary.new} kind="new" files={fresh?.files ?? 0} note={sendNote(selection)} />
      <Counter
        name={summary.stored}
        kind="stored"
        files={stored?.files ?? 0}
        note={storedNote(selection, price)}
      />
      <Counter name={summary.decide(open?.files ?? 0)} kind="decide" files={open?.files ?? 0} />
      {failed.files > 0 && <Counter name={summary.failed} kind="failed" files={failed.files} />}
    </dl>
  );
}

function sendNote(selection: Selection): string {
  const { toSend, sent, uncertain } = words.summary;
  const { bytes, files } = newFiles(selection);
  const isSent = files > 0 && selection.sums.uploaded.files === files;
  const notes = [isSent ? sent(size(bytes)) : toSend(size(bytes))];
  if (selection.uncertain > 0) notes.push(uncertain(count(selection.uncertain)));
  return notes.join(" · ");
}

function storedNote(selection: Selection, price: number | null): string {
  const { notSent, saves } = words.summary;
  const saved = saving(selection, price);
  const notes = [notSent(size(storedFiles(selection).bytes))];
  if (saved !== null) notes.push(saves(money(saved)));
  return notes.join(" · ");
}

interface CounterProps {
  readonly name: string;
  readonly kind: string;
  readonly files: number;
  readonly note?: string;
}

function Counter({ name, kind, files, note }: CounterProps): JSX.Element {
  return (
    <div class={`counter ${kind}${files === 0 ? " none" : ""}`}>
      <dt>{name}</dt>
      <dd>
        <b>{count(files)}</b>
        <span class="note">{note}</span>
      </dd>
    </div>
  );
}
