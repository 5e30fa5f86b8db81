/**
 * A stored file, opened in a dialog: images, videos, sounds and texts, of which nothing is run. All
 * others can only be downloaded: an uploaded HTML file or SVG never becomes part of this page's origin.
 */

import type { Client, Copy } from "@onecopy/client";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { words } from "../words/language.ts";
import { StoredFile } from "./compare/shown.tsx";
import { nameInText } from "./names.ts";
import { useLoaded } from "./use-loaded.ts";
import "./preview.css";

interface Props {
  readonly client: Client;
  readonly copy: Pick<Copy, "key" | "size">;
  readonly close: () => void;
}

export function Preview({ client, copy, close }: Props): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const link = useLoaded<string>(
    async (show, signal) => show(await client.link(copy, signal)),
    copy.key,
  );
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="preview" aria-labelledby="preview" onClose={close}>
      <h3 id="preview">{nameInText(copy.key)}</h3>
      <StoredFile copy={copy} link={link} />
      <p class="actions">
        {link.value !== null && (
          <a href={link.value} target="_blank" rel="noopener noreferrer" download="">
            {words.compare.download}
          </a>
        )}
        <button type="button" onClick={() => dialog.current?.close()}>
          {words.common.close}
        </button>
      </p>
    </dialog>
  );
}
