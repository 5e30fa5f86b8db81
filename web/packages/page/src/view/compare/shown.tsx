/** What can be seen of a file, local or stored, without running anything of it. */

import type { Copy } from "@onecopy/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { isText, mediaOf } from "../../upload/media.ts";
import { size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { describeLoadError } from "../load-error.ts";
import { nameInText } from "../names.ts";
import { type Loaded, useLoaded } from "../use-loaded.ts";

/** More text than this is not compared by eye. */
const MAX_TEXT_BYTES = 64 * 1024;
/** Larger images take too much memory; they can be downloaded. */
const MAX_IMAGE_BYTES = 60_000_000;

interface Props {
  readonly name: string;
  readonly bytes: number;
  /** Null while it is being requested. */
  readonly url: string | null;
  /** Return the bytes, from which only the beginning is read. */
  readonly read: (signal: AbortSignal) => Promise<Blob | Response>;
}

export function Shown({ name, bytes, url, read }: Props): JSX.Element {
  const [failed, setFailed] = useState(false);
  const fail = () => setFailed(true);
  if (failed) return <p class="shown note">{words.compare.cannotShow}</p>;
  if (url === null) return <p class="shown note">{words.common.loading}</p>;
  if (isText(name)) return <Text bytes={bytes} url={url} read={read} />;
  switch (bytes > MAX_IMAGE_BYTES && mediaOf(name) === "image" ? undefined : mediaOf(name)) {
    case "image":
      return <img class="shown" src={url} alt={nameInText(name)} onError={fail} />;
    case "video":
      // biome-ignore lint/a11y/useMediaCaption: users' files have no captions
      return <video class="shown" src={url} controls preload="metadata" onError={fail} />;
    case "audio":
      // biome-ignore lint/a11y/useMediaCaption: users' files have no captions
      return <audio class="shown" src={url} controls preload="metadata" onError={fail} />;
    default:
      return <p class="shown note">{words.compare.noPreview}</p>;
  }
}

/** Text is shown as text, whatever it is: a page or a drawing runs nothing. */
function Text({ bytes, url, read }: Pick<Props, "bytes" | "read"> & { url: string }): JSX.Element {
  const { value, error } = useLoaded<string>(
    async (show, signal) => show(await beginning(await read(signal))),
    url,
  );
  if (error !== null) return <p class="shown note">{describeUnreadable(error)}</p>;
  if (value === null) return <p class="shown note">{words.common.loading}</p>;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that it can be scrolled by keyboard */}
      <pre class="shown" tabIndex={0}>
        {value}
      </pre>
      {bytes > MAX_TEXT_BYTES && <p class="note">{words.compare.cut(size(MAX_TEXT_BYTES))}</p>}
    </>
  );
}

/** A browser reports a chosen file that has changed or is gone by a DOMException. */
function describeUnreadable(error: unknown): string | undefined {
  const isLocal = error instanceof DOMException;
  return isLocal ? words.failures["file-changed"] : words.compare.notReadable;
}

/** Return the beginning of a text, and let go of the rest. */
async function beginning(source: Blob | Response): Promise<string> {
  if (source instanceof Blob) return await source.slice(0, MAX_TEXT_BYTES).text();
  const reader = source.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let read = 0; reader !== undefined && read < MAX_TEXT_BYTES; ) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value.subarray(0, MAX_TEXT_BYTES - read), { stream: true });
    read += value.length;
  }
  await reader?.cancel();
  return text;
}

interface StoredProps {
  readonly copy: Pick<Copy, "key" | "size">;
  readonly link: Loaded<string>;
}

/** A stored file, or why it can't be read. */
export function StoredFile({ copy, link }: StoredProps): JSX.Element {
  const { value: url, error } = link;
  if (error !== null) {
    return (
      <p class="shown" role="alert">
        {describeLoadError(error)}
      </p>
    );
  }
  const read = (signal: AbortSignal) => fetchBytes(url, signal);
  return <Shown name={copy.key} bytes={copy.size} {...{ url, read }} />;
}

async function fetchBytes(url: string | null, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url ?? "", { signal, cache: "no-store", credentials: "omit" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response;
}
