/** One row of the list: a file, its state, and its actions. */

import type { JSX } from "preact";
import { isDecidable, isRepeatable } from "../../upload/choice.ts";
import type { Item } from "../../upload/selection.ts";
import type { Thumbnails } from "../../upload/thumbnails.ts";
import type { Uploader } from "../../upload/uploader.ts";
import { size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { describeDetail, describeState, MARKS, splitKey } from "../describe.ts";
import { misleading, nameInText, nameText } from "../names.ts";
import { Thumbnail } from "./thumbnail.tsx";

interface Props {
  readonly item: Item;
  readonly uploader: Uploader;
  /** Look at the stored copy of a file; null if the service does not allow it. */
  readonly look: ((item: Item) => void) | null;
  /** Null if there are no pictures. */
  readonly thumbnails: Thumbnails | null;
}

interface Action {
  readonly name: string;
  /** What it does, if the name does not say all. */
  readonly hint?: string;
  readonly act: () => void;
}

export function Row({ item, uploader, look, thumbnails }: Props): JSX.Element {
  const { name, folder } = splitKey(item.key);
  const detail = describeDetail(item);
  return (
    <>
      <Thumbnail file={item.file} name={name} thumbnails={thumbnails} />
      <span id={`name-${item.id}`} class="name" title={nameInText(item.key)}>
        <b>
          <bdi>{nameText(name)}</bdi>
        </b>{" "}
        <Warning name={item.key} />
        <bdi class="folder">{nameText(folder)}</bdi>
      </span>
      <span class="size">{size(item.file.size)}</span>
      <span class="state">
        <span class="mark" aria-hidden="true">
          {MARKS[item.state]}
        </span>{" "}
        {describeState(item)}
      </span>
      <span class="detail" title={detail}>
        {detail}
      </span>
      <span class="actions">
        {actionsFor(item, uploader, look).map((action) => (
          <button
            type="button"
            key={action.name}
            title={action.hint ?? action.name}
            aria-describedby={`name-${item.id}`}
            onClick={action.act}
          >
            {action.name}
          </button>
        ))}
      </span>
    </>
  );
}

/** The characters by which a name looks like another one. */
function Warning({ name }: { readonly name: string }): JSX.Element | null {
  const codes = misleading(name).join(" ");
  if (codes === "") return null;
  return (
    <span class="misleading" title={words.files.name.strange(codes)}>
      ⚠ {codes}{" "}
    </span>
  );
}

/** Return the actions that the user has for a file now. */
export function actionsFor(item: Item, uploader: Uploader, look: Props["look"] = null): Action[] {
  const { open, compare } = words.files.actions;
  const seen = (name: string) => (look ? [{ name, act: () => look(item) }] : []);
  const own = changesOf(item, uploader);
  switch (item.state) {
    case "uploaded":
    case "placed":
      // Of an empty file there is nothing to see.
      return item.copy && item.file.size > 0 ? seen(open) : [];
    case "duplicate":
    case "unconfirmed":
      return item.copy ? [...seen(compare), ...own] : own;
    default:
      return own;
  }
}

/** Return the actions that change something. */
function changesOf(item: Item, uploader: Uploader): Action[] {
  if (!(uploader.canUpload || uploader.isRunning(item))) return [];
  const { actions } = words.files;
  const upload = (name: string): Action => ({ name, act: () => uploader.upload(item) });
  const stop = (name: string): Action => ({ name, act: () => uploader.skip(item) });
  switch (item.state) {
    case "checking":
      return [...uploadNow(item, uploader), stop(actions.cancel)];
    case "queued":
    case "hashing":
    case "sending":
      return item.reason === "completing" ? [] : [stop(actions.cancel)];
    case "new":
      return uploader.isRunning(item) ? [stop(actions.cancel)] : [upload(actions.upload)];
    case "duplicate":
      return actionsForDuplicate(item, uploader);
    case "taken":
      return [...uploadAs(item, uploader), stop(actions.skip)];
    case "unconfirmed":
      return [upload(actions.upload), stop(actions.skip)];
    case "failed":
    case "skipped":
      return isRepeatable(item) ? [{ name: actions.retry, act: () => uploader.retry(item) }] : [];
    default:
      return [];
  }
}

function actionsForDuplicate(item: Item, uploader: Uploader): Action[] {
  const { actions } = words.files;
  // If it is stored under its own key, a second copy needs another one.
  if (item.copy?.key === item.key) return uploadAs(item, uploader);
  const upload = { name: actions.uploadAnyway, act: () => uploader.upload(item) };
  if (!(uploader.canPlace && isDecidable(item))) return [upload];
  const hint = words.list.placeHint;
  return [{ name: actions.place, hint, act: () => uploader.place(item) }, upload];
}

function uploadNow(item: Item, uploader: Uploader): Action[] {
  if (item.reason !== "confirming" || uploader.checkOnly) return [];
  return [{ name: words.files.actions.uploadNow, act: () => void uploader.uploadNow(item) }];
}

function uploadAs(item: Item, uploader: Uploader): Action[] {
  const key = uploader.freeKey(item);
  if (key === null) return [];
  const name = words.files.actions.uploadAs(nameInText(splitKey(key).name));
  return [{ name, act: () => uploader.uploadAs(item, key) }];
}
