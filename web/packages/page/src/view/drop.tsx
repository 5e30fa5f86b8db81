/** Where files come in: the whole page takes drops, two buttons open the browser's choosers. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { droppedFiles, type Picked, pickedFiles } from "../upload/pick.ts";

interface Props {
  /** Whether there is a list already: then the zone is a strip. */
  readonly small: boolean;
  readonly onlyCheck: boolean;
  /** Whether there is a choice. */
  readonly canUpload: boolean;
  readonly setOnlyCheck: (only: boolean) => void;
  readonly take: (picked: readonly Picked[]) => void;
}

export function DropZone({ small, onlyCheck, canUpload, setOnlyCheck, take }: Props): JSX.Element {
  const over = useDrops(take);
  return (
    <section class={`drop${small ? " small" : ""}${over ? " over" : ""}`} aria-label="Add files">
      <p class="invitation">Drop files or folders here</p>
      <p class="hint">You will see what is already there before anything is sent.</p>
      <div class="choosers">
        <Chooser name="Choose files" folder={false} take={take} />
        <Chooser name="Choose a folder" folder={true} take={take} />
        <label class="only">
          <input
            type="checkbox"
            checked={onlyCheck}
            disabled={!canUpload}
            onChange={(event) => setOnlyCheck(event.currentTarget.checked)}
          />{" "}
          only check, don’t upload
        </label>
      </div>
    </section>
  );
}

interface ChooserProps {
  readonly name: string;
  readonly folder: boolean;
  readonly take: Props["take"];
}

function Chooser({ name, folder, take }: ChooserProps): JSX.Element {
  const input = useRef<HTMLInputElement | null>(null);
  return (
    <>
      <button type="button" class="choose" onClick={() => input.current?.click()}>
        {name}
      </button>
      <input
        ref={(element) => {
          if (element !== null) element.webkitdirectory = folder; // JSX does not know it
          input.current = element;
        }}
        type="file"
        hidden
        multiple
        data-testid={folder ? "folder-input" : "files-input"}
        onChange={(event) => {
          take(pickedFiles(event.currentTarget.files ?? []));
          event.currentTarget.value = ""; // so that the same files can be chosen again
        }}
      />
    </>
  );
}

/** Take what is dropped anywhere on the page; tells whether something is held over it. */
function useDrops(take: Props["take"]): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const hover = (event: DragEvent) => {
      event.preventDefault(); // else the browser leaves the page and opens the file
      setOver(event.type === "dragover");
    };
    const drop = async (event: DragEvent) => {
      hover(event);
      if (event.dataTransfer === null) return;
      for await (const picked of droppedFiles(event.dataTransfer)) take(picked);
    };
    addEventListener("dragover", hover);
    addEventListener("dragleave", hover);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", hover);
      removeEventListener("dragleave", hover);
      removeEventListener("drop", drop);
    };
  }, [take]);
  return over;
}
