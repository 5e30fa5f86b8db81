/** The summary when all is done, for a colleague: as text, and as a table of all files. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Selection } from "../../upload/selection.ts";
import { date, money, numberOfFiles, size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { csvOf } from "./csv.ts";
import { openFiles, saving, storedFiles } from "./totals.ts";

interface Props {
  readonly selection: Selection;
  /** US dollars per GB and month; null until it is known. */
  readonly price: number | null;
  /** The name of the store. */
  readonly store: string;
}

export function End({ selection, price, store }: Props): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  const { end } = words.summary;
  const lines = describeEnd(selection, price);
  const isComplete = selection.sums.failed.files + openFiles(selection).files === 0;
  const copy = async () => {
    const text = [...lines, end.store(store, date(Date.now()))].join("\n");
    setCopied(await copyText(text));
  };
  return (
    <section class="end" aria-label={end.title}>
      <p>
        <span class={isComplete ? "end-mark" : "end-mark open"} aria-hidden="true">
          {isComplete ? "✓" : "!"}
        </span>{" "}
        {lines.join(" ")}
      </p>
      <div class="end-actions">
        <button type="button" onClick={() => void copy()}>
          {isCopied ? end.copied : end.copy}
        </button>
        <button type="button" onClick={() => save(csvOf(selection.items))}>
          {end.csv}
        </button>
      </div>
    </section>
  );
}

/** Return the summary, a sentence for each kind of result that there is. */
export function describeEnd(selection: Selection, price: number | null): string[] {
  const { end } = words.summary;
  const { uploaded, new: onlyNew, placed, failed, skipped } = selection.sums;
  const stored = storedFiles(selection);
  const saved = saving(selection, price);
  const open = openFiles(selection).files;
  const lines = [
    uploaded.files > 0 && end.uploaded(numberOfFiles(uploaded.files), size(uploaded.bytes)),
    onlyNew.files > 0 && end.onlyNew(numberOfFiles(onlyNew.files), size(onlyNew.bytes)),
    stored.files > 0 && end.stored(numberOfFiles(stored.files), size(stored.bytes)),
    saved !== null && end.saved(money(saved)),
    placed.files > 0 && end.placed(numberOfFiles(placed.files)),
    open > 0 && end.open(numberOfFiles(open)),
    failed.files > 0 && end.failed(numberOfFiles(failed.files)),
    skipped.files > 0 && end.skipped(numberOfFiles(skipped.files)),
  ];
  return lines.filter((line) => line !== false);
}

/** Copy text; returns whether it succeeded. On plain http, browsers have no clipboard. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    save(text, "onecopy.txt", "text/plain");
    return false;
  }
}

function save(text: string, name = "onecopy.csv", type = "text/csv"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  // The browser may not have begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
