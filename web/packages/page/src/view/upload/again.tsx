/** Folders that are remembered: one click checks them again and reads only what has changed. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { DigestCache } from "../../upload/digest-cache.ts";
import { readFolders } from "../../upload/folder-reader.ts";
import type { FolderHandle } from "../../upload/folders.ts";
import type { Groups } from "../../upload/picked.ts";
import { mayRead, type Remembered, type RememberedFolders } from "../../upload/remembered.ts";
import { words } from "../../words/language.ts";
import { nameInText } from "../names.ts";
import { useChanges } from "../use-changes.ts";

type Named = Pick<FolderHandle, "name">;

interface Props {
  readonly folders: RememberedFolders;
  readonly add: (groups: Groups) => Promise<void>;
}

export function Again({ folders, add }: Props): JSX.Element | null {
  useChanges(folders.subscribe);
  const [problem, setProblem] = useState("");
  const { list, offered, hidesNames } = folders;
  const check = async (folder: Remembered) => {
    await folders.offer(folder.handle, true);
    setProblem(await checkAgain(folder, add));
  };
  const remember = async ({ name }: Named) => {
    setProblem((await folders.remember()) ? "" : words.drop.notKept(nameInText(name)));
  };
  if (list.length === 0 && offered === null && !hidesNames && problem === "") return null;
  return (
    <div class="again">
      {list.length > 0 && <span>{words.drop.again}</span>}
      {list.map((folder) => (
        <Folder key={folder.path} {...{ folder, check }} forget={() => folders.forget(folder)} />
      ))}
      {offered !== null && (
        <button
          type="button"
          title={words.drop.rememberHint}
          onClick={() => void remember(offered)}
        >
          {words.drop.remember(nameInText(offered.name))}
        </button>
      )}
      {problem !== "" && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
      {hidesNames && <p class="note">{words.drop.hidesNames}</p>}
    </div>
  );
}

interface FolderProps {
  readonly folder: Remembered;
  readonly check: (folder: Remembered) => Promise<void>;
  readonly forget: () => Promise<void>;
}

function Folder({ folder, check, forget }: FolderProps): JSX.Element {
  const name = nameInText(folder.path);
  return (
    <span class="chip">
      <button
        type="button"
        aria-label={words.drop.againFolder(name)}
        title={words.drop.rememberHint}
        onClick={() => void check(folder)}
      >
        <bdi>{name}</bdi>
      </button>
      <button
        type="button"
        class="forget"
        aria-label={words.drop.forgetFolder(name)}
        onClick={() => void forget()}
      >
        ×
      </button>
    </span>
  );
}

/** Add the files of a folder; returns why that was not possible, or an empty string. */
async function checkAgain({ handle, path }: Remembered, add: Props["add"]): Promise<string> {
  const name = nameInText(path);
  if (!(await mayRead(handle).catch(() => false))) return words.drop.folderDenied(name);
  let isGone = false;
  const found = async function* () {
    for await (const picked of readFolders([handle])) {
      // Nothing but the folder itself, which can't be read.
      isGone = picked.length === 1 && picked[0]?.file === null && picked[0].path.length === 1;
      if (!isGone) yield picked;
    }
  };
  await add(found());
  return isGone ? words.drop.folderGone(name) : "";
}

/** What the browser keeps of files that were read, and a button to forget it. */
export function Cached({ cache }: { readonly cache: DigestCache }): JSX.Element | null {
  useChanges(cache.subscribe);
  const { folders } = cache;
  if (folders === 0) return null;
  return (
    <p class="cached">
      {words.drop.cached(folders)}{" "}
      <button type="button" class="link" onClick={() => void cache.clear()}>
        {words.drop.clearCache}
      </button>
    </p>
  );
}
