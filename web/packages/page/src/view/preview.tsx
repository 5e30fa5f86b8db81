/**
 * A stored file, opened in a dialog: images, videos and sounds, of which nothing is run. All others
 * can only be downloaded: an uploaded HTML file or SVG never becomes part of this page's origin.
 */

import type { Client, Copy } from "@onecopy/client";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { mediaOf } from "../upload/media.ts";
import { words } from "../words/language.ts";
import { describeLoadError } from "./load-error.ts";
import { nameInText } from "./names.ts";
import { useLoaded } from "./use-loaded.ts";
import "./preview.css";

interface Props {
  readonly client: Client;
  readonly copy: Pick<Copy, "key">;
  readonly close: () => void;
}

export function Preview({ client, copy, close }: Props): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const { value: url, error } = useLoaded<string>(
    async (show, signal) => show(await client.link(copy, signal)),
    copy.key,
  );
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="preview" aria-labelledby="preview" onClose={close}>
      <h3 id="preview">{nameInText(copy.key)}</h3>
      {error !== null && <p role="alert">{describeLoadError(error)}</p>}
      {error === null && url === null && <p class="note">{words.common.loading}</p>}
      {url !== null && <Shown copy={copy} url={url} />}
      <p class="actions">
        {url !== null && (
          <a href={url} target="_blank" rel="noopener noreferrer" download="">
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

function Shown({
  copy,
  url,
}: {
  readonly copy: Pick<Copy, "key">;
  readonly url: string;
}): JSX.Element {
  const [failed, setFailed] = useState(false);
  const fail = () => setFailed(true);
  if (failed) return <p>{words.compare.cannotShow}</p>;
  switch (mediaOf(copy.key)) {
    case "image":
      return <img src={url} alt={nameInText(copy.key)} onError={fail} />;
    case "video":
      // biome-ignore lint/a11y/useMediaCaption: stored files have no captions
      return <video src={url} controls onError={fail} />;
    case "audio":
      // biome-ignore lint/a11y/useMediaCaption: stored files have no captions
      return <audio src={url} controls onError={fail} />;
    default:
      return <p>{words.compare.noPreview}</p>;
  }
}
