/** One row of the list: a file, its state, and its actions. */

import type { JSX } from "preact";
import type { Item } from "../upload/selection.ts";
import type { Uploader } from "../upload/uploader.ts";
import { nameInText, nameText } from "./names.ts";
import { describeDetail, describeState, MARKS, size, splitKey } from "./words.ts";

interface Props {
  readonly item: Item;
  readonly uploader: Uploader;
}

interface Action {
  readonly name: string;
  readonly act: () => void;
}

export function Row({ item, uploader }: Props): JSX.Element {
  const { name, folder } = splitKey(item.key);
  const detail = describeDetail(item);
  return (
    <>
      <span class="mark" aria-hidden="true">
        {MARKS[item.state]}
      </span>
      <span class="name" title={nameInText(item.key)}>
        <b>
          <bdi>{nameText(name)}</bdi>
        </b>{" "}
        <bdi class="folder">{nameText(folder)}</bdi>
      </span>
      <span class="size">{size(item.file.size)}</span>
      <span class="state">{describeState(item)}</span>
      <span class="detail" title={detail}>
        {detail}
      </span>
      <span class="actions">
        {actionsFor(item, uploader).map((action) => (
          <button type="button" key={action.name} title={action.name} onClick={action.act}>
            {action.name}
          </button>
        ))}
      </span>
    </>
  );
}

/** Return the actions that the user has for a file now. */
export function actionsFor(item: Item, uploader: Uploader): Action[] {
  if (!(uploader.canUpload || uploader.isRunning(item))) return [];
  const upload = (name: string): Action => ({ name, act: () => uploader.upload(item) });
  const stop = (name: string): Action => ({ name, act: () => uploader.skip(item) });
  switch (item.state) {
    case "queued":
    case "hashing":
    case "checking":
    case "sending":
      return item.reason === "completing" ? [] : [stop("Cancel")];
    case "new":
      return uploader.isRunning(item) ? [stop("Cancel")] : [upload("Upload")];
    case "duplicate":
      // If it is stored under its own key, a second copy needs another one.
      return item.copy?.key === item.key ? uploadAs(item, uploader) : [upload("Upload anyway")];
    case "taken":
      return [...uploadAs(item, uploader), stop("Skip")];
    case "unconfirmed":
      return [upload("Upload"), stop("Skip")];
    case "failed":
      return item.reason?.match(/^(key-|file-unreadable)/)
        ? []
        : [{ name: "Try again", act: () => uploader.retry(item) }];
    default:
      return [];
  }
}

function uploadAs(item: Item, uploader: Uploader): Action[] {
  const key = uploader.freeKey(item);
  if (key === null) return [];
  const name = `Upload as ${nameInText(splitKey(key).name)}`;
  return [{ name, act: () => uploader.uploadAs(item, key) }];
}
