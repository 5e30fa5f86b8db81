/**
 * A stored file, opened in a dialog: images, videos and sounds, of which nothing is run. All others
 * can only be downloaded: an uploaded HTML file or SVG never becomes part of this page's origin.
 */

import type { Client, GroupCopy } from "@onecopy/client";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { nameInText } from "../names.ts";
import { useLoaded } from "../use-loaded.ts";
import { describeLoadError } from "../words.ts";
import { mediaOf } from "./media.ts";

interface Props {
  readonly client: Client;
  readonly copy: GroupCopy;
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
      {error === null && url === null && <p class="note">Loading…</p>}
      {url !== null && <Shown copy={copy} url={url} />}
      <p class="actions">
        {url !== null && (
          <a href={url} target="_blank" rel="noopener noreferrer" download="">
            Download
          </a>
        )}
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </p>
    </dialog>
  );
}

function Shown({ copy, url }: { readonly copy: GroupCopy; readonly url: string }): JSX.Element {
  const [failed, setFailed] = useState(false);
  const fail = () => setFailed(true);
  if (failed) return <p>Your browser can’t show this file. Download it instead.</p>;
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
      return <p>There is no preview of this type of file.</p>;
  }
}
