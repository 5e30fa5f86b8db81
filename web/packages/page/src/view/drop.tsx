/** Choosing files: the whole page is a drop target, and two buttons open the browser's dialogs. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { droppedFiles, type Picked, pickedFiles } from "../upload/pick.ts";

interface Props {
  /** Whether the zone is only a strip above the list. */
  readonly isSmall: boolean;
  readonly checkOnly: boolean;
  /** Without permission to upload, the user can only check. */
  readonly canUpload: boolean;
  readonly setCheckOnly: (checkOnly: boolean) => void;
  readonly add: (picked: readonly Picked[]) => void;
}

export function DropZone(props: Props): JSX.Element {
  const { isSmall, checkOnly, canUpload, setCheckOnly, add } = props;
  const isOver = useDrops(add);
  const classes = ["drop", isSmall && "small", isOver && "over"].filter(Boolean);
  return (
    <section class={classes.join(" ")} aria-label="Add files">
      <p class="title">Drop files or folders here</p>
      <p class="hint">Each file is checked first. Only new content is uploaded.</p>
      <div class="choosers">
        <Chooser name="Choose files" folder={false} add={add} />
        <Chooser name="Choose a folder" folder={true} add={add} />
        <label class="check-only">
          <input
            type="checkbox"
            checked={checkOnly}
            disabled={!canUpload}
            onChange={(event) => setCheckOnly(event.currentTarget.checked)}
          />{" "}
          Check only, don’t upload
        </label>
      </div>
    </section>
  );
}

interface ChooserProps {
  readonly name: string;
  readonly folder: boolean;
  readonly add: Props["add"];
}

function Chooser({ name, folder, add }: ChooserProps): JSX.Element {
  const input = useRef<HTMLInputElement | null>(null);
  return (
    <>
      <button type="button" class="choose" onClick={() => input.current?.click()}>
        {name}
      </button>
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
          add(pickedFiles(event.currentTarget.files ?? []));
          event.currentTarget.value = ""; // so that the same files can be chosen again
        }}
      />
    </>
  );
}

/** Add what is dropped anywhere on the page; returns whether something is dragged over it. */
function useDrops(add: Props["add"]): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const hover = (event: DragEvent) => {
      event.preventDefault(); // otherwise the browser leaves the page to open the file
      setOver(event.type === "dragover");
    };
    const drop = async (event: DragEvent) => {
      hover(event);
      if (event.dataTransfer === null) return;
      for await (const picked of droppedFiles(event.dataTransfer)) add(picked);
    };
    addEventListener("dragover", hover);
    addEventListener("dragleave", hover);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", hover);
      removeEventListener("dragleave", hover);
      removeEventListener("drop", drop);
    };
  }, [add]);
  return isOver;
}
