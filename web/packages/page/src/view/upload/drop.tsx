/** Choosing files: the whole page is a drop target, and two buttons open the browser's dialogs. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { RecentFolders } from "../../upload/destination.ts";
import { readFolders } from "../../upload/folder-reader.ts";
import { type FolderHandle, folderPicker, wasClosed } from "../../upload/folders.ts";
import { droppedFiles, pickedFiles } from "../../upload/pick.ts";
import type { Groups } from "../../upload/picked.ts";
import { words } from "../../words/language.ts";
import { Destination } from "./destination.tsx";

interface Props {
  /** Whether the zone is only a strip above the list. */
  readonly isSmall: boolean;
  readonly checkOnly: boolean;
  /** Without permission to upload, the user can only check. */
  readonly canUpload: boolean;
  readonly setCheckOnly: (checkOnly: boolean) => void;
  readonly recent: RecentFolders;
  /** Bytes of a key. */
  readonly room: number;
  readonly setFolder: (folder: string) => void;
  readonly add: (groups: Groups) => Promise<void>;
  /** Called with a folder that could be remembered, and whether some of its names may be hidden. */
  readonly offer: (folder: FolderHandle, hidesNames?: boolean) => Promise<void>;
}

export function DropZone(props: Props): JSX.Element {
  const { isSmall, checkOnly, canUpload, setCheckOnly, recent, room, setFolder } = props;
  const [isValid, setValid] = useState(true);
  const isBlocked = !isValid && !checkOnly;
  const isOver = useDrops(props, isBlocked);
  const classes = ["drop", isSmall && "small", isOver && "over"].filter(Boolean);
  return (
    <section class={classes.join(" ")} aria-label={words.drop.region}>
      <div>
        <p class="title">{words.drop.title}</p>
        <p class="hint">{words.drop.hint}</p>
      </div>
      <div class="choosers">
        <FileChooser add={props.add} isBlocked={isBlocked} />
        <FolderChooser add={props.add} offer={props.offer} isBlocked={isBlocked} />
        {!checkOnly && <Destination {...{ recent, room, setFolder, isValid, setValid }} />}
        <label class="check-only" title={canUpload ? undefined : words.failures["not-allowed"]}>
          <input
            type="checkbox"
            checked={checkOnly}
            disabled={!canUpload}
            onChange={(event) => setCheckOnly(event.currentTarget.checked)}
          />{" "}
          {words.drop.checkOnly}
        </label>
      </div>
    </section>
  );
}

interface ChooserProps extends Pick<Props, "add"> {
  readonly isBlocked: boolean;
}

function FileChooser({ add, isBlocked }: ChooserProps): JSX.Element {
  const input = useRef<HTMLInputElement | null>(null);
  return (
    <>
      <button
        type="button"
        class="choose"
        disabled={isBlocked}
        onClick={() => input.current?.click()}
      >
        {words.drop.chooseFiles}
      </button>
      <Input {...{ input, add }} folder={false} />
    </>
  );
}

/** A folder from the browser's own dialog is read faster, and can be remembered. */
function FolderChooser({ add, offer, isBlocked }: ChooserProps & Pick<Props, "offer">) {
  const input = useRef<HTMLInputElement | null>(null);
  const choose = async () => {
    const picker = folderPicker();
    if (picker === undefined) return input.current?.click();
    try {
      const folder = await picker({ mode: "read" });
      await offer(folder, true);
      await add(readFolders([folder]));
    } catch (error) {
      // Some browsers forbid it here, as in a frame: the old way remains.
      if (!wasClosed(error)) input.current?.click();
    }
  };
  return (
    <>
      <button type="button" class="choose" disabled={isBlocked} onClick={() => void choose()}>
        {words.drop.chooseFolder}
      </button>
      <Input {...{ input, add }} folder={true} />
    </>
  );
}

interface InputProps extends Pick<Props, "add"> {
  readonly input: { current: HTMLInputElement | null };
  readonly folder: boolean;
}

function Input({ input, folder, add }: InputProps): JSX.Element {
  return (
    <input
      ref={(element) => {
        if (element !== null) element.webkitdirectory = folder; // JSX has no such attribute
        input.current = element;
      }}
      type="file"
      hidden
      multiple
      data-testid={folder ? "folder-input" : "files-input"}
      onChange={(event) => {
        void add([pickedFiles(event.currentTarget.files ?? [])]);
        event.currentTarget.value = ""; // so that the same files can be chosen again
      }}
    />
  );
}

/** Add what is dropped anywhere on the page; returns whether something is dragged over it. */
function useDrops({ add, offer }: Pick<Props, "add" | "offer">, isBlocked: boolean): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const hover = (event: DragEvent) => {
      event.preventDefault(); // otherwise the browser leaves the page to open the file
      setOver(event.type === "dragover" && !isBlocked);
    };
    const drop = async (event: DragEvent) => {
      hover(event);
      if (event.dataTransfer === null || isBlocked) return;
      await add(droppedFiles(event.dataTransfer, offer));
    };
    addEventListener("dragover", hover);
    addEventListener("dragleave", hover);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", hover);
      removeEventListener("dragleave", hover);
      removeEventListener("drop", drop);
    };
  }, [add, offer, isBlocked]);
  return isOver;
}
