/** The folder of the store into which files go: typed, or one that was used before. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { cleanFolder, isFolder, type RecentFolders } from "../../upload/destination.ts";
import { words } from "../../words/language.ts";

interface Props {
  readonly recent: RecentFolders;
  /** Bytes of a key. */
  readonly room: number;
  readonly setFolder: (folder: string) => void;
  readonly isValid: boolean;
  readonly setValid: (isValid: boolean) => void;
}

export function Destination({ recent, room, setFolder, isValid, setValid }: Props): JSX.Element {
  const [text, setText] = useState(recent.list[0] ?? "");
  const change = (typed: string) => {
    const folder = cleanFolder(typed);
    setText(typed);
    setValid(isFolder(folder, room));
    if (isFolder(folder, room)) setFolder(folder);
  };
  return (
    <span class="destination">
      <label for="destination">{words.drop.into}</label>{" "}
      <input
        id="destination"
        type="text"
        list="recent-folders"
        autocomplete="off"
        spellcheck={false}
        placeholder={words.drop.top}
        value={text}
        aria-invalid={!isValid}
        aria-describedby={isValid ? undefined : "destination-problem"}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <datalist id="recent-folders">
        {recent.list
          .filter((folder) => folder !== "")
          .map((folder) => (
            <option key={folder} value={folder} />
          ))}
      </datalist>
      {!isValid && (
        <span id="destination-problem" class="problem" role="alert">
          {words.drop.folderProblem}
        </span>
      )}
    </span>
  );
}
