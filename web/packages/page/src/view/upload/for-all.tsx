/** One decision for all files of the list that are already stored elsewhere, kept if wanted. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { CHOICES, type Choice, isDecidable, isRepeatable } from "../../upload/choice.ts";
import type { Item } from "../../upload/selection.ts";
import type { Uploader } from "../../upload/uploader.ts";
import { count } from "../../words/format.ts";
import { words } from "../../words/language.ts";

interface Props {
  /** The files that the list shows. */
  readonly items: readonly Item[];
  readonly uploader: Uploader;
  readonly keep: (choice: Choice | null) => void;
}

/** Files that are decided without a pause; more would block the page. */
const FILES_PER_TURN = 100;

export function ForAll({ items, uploader, keep }: Props): JSX.Element | null {
  const [isKept, setKept] = useState(false);
  const { list } = words;
  if (!uploader.canUpload) return null;
  if (uploader.choice !== null) return <Kept choice={uploader.choice} keep={keep} />;
  const open = items.filter(isDecidable);
  if (open.length === 0) return null;
  const choose = (choice: Choice) => {
    if (isKept) keep(choice);
    void each(open, isDecidable, (item) => uploader.decide(item, choice));
  };
  return (
    <div class="for-all">
      <span>{list.forAll(open.length, count(open.length))}</span>
      {CHOICES.filter((choice) => choice !== "place" || uploader.canPlace).map((choice) => (
        <button
          type="button"
          key={choice}
          title={choice === "place" ? list.placeHint : undefined}
          onClick={() => choose(choice)}
        >
          {list.choices[choice]}
        </button>
      ))}
      <label>
        <input
          type="checkbox"
          checked={isKept}
          onChange={(event) => setKept(event.currentTarget.checked)}
        />{" "}
        {list.keepChoice}
      </label>
    </div>
  );
}

function Kept({ choice, keep }: { choice: Choice; keep: Props["keep"] }): JSX.Element {
  return (
    <div class="for-all">
      <span>{words.list.kept[choice]}</span>
      <button type="button" onClick={() => keep(null)}>
        {words.list.askAgain}
      </button>
    </div>
  );
}

/** A button that processes all files of the list again that failed or were skipped. */
export function RepeatAll({ items, uploader }: Omit<Props, "keep">): JSX.Element | null {
  const open = items.filter(isRepeatable);
  if (open.length === 0) return null;
  return (
    <div class="for-all">
      <span>{words.list.again(open.length, count(open.length))}</span>
      <button
        type="button"
        onClick={() => void each(open, isRepeatable, (item) => uploader.retry(item))}
      >
        {words.files.actions.retry}
      </button>
    </div>
  );
}

/** Do something with the files that are still open, since it takes a while to reach the last. */
async function each(
  items: readonly Item[],
  isOpen: (item: Item) => boolean,
  act: (item: Item) => void,
): Promise<void> {
  for (const [at, item] of items.entries()) {
    if (isOpen(item)) act(item);
    if (at % FILES_PER_TURN === FILES_PER_TURN - 1) await new Promise((go) => setTimeout(go));
  }
}
