/** A small picture of a stored image, loaded when it comes into view. */

import { type Client, type GroupCopy, Limiter } from "@onecopy/client";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { extension, mediaOf } from "../../upload/media.ts";

/** The whole image is loaded: larger ones are not worth it. */
const LARGEST_BYTES = 20_000_000;
/** Distance from the view at which loading begins. */
const MARGIN = "200px";
/** Links that are requested at a time. */
const requests = new Limiter(4);

interface Props {
  readonly client: Client;
  readonly copy: GroupCopy | undefined;
  /** Bytes. */
  readonly size: number;
}

export function Thumbnail({ client, copy, size }: Props): JSX.Element {
  const box = useRef<HTMLSpanElement>(null);
  const [url, setUrl] = useState<string | null>(null);
  const key = canShow(copy, size) ? copy.key : null;
  useEffect(() => {
    if (key === null || box.current === null) return;
    const stop = new AbortController();
    const load = () => requests.run(() => client.link({ key }, stop.signal));
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        load().then(setUrl, () => undefined); // without a link there is no picture
      },
      { rootMargin: MARGIN },
    );
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      stop.abort();
    };
  }, [client, key]);
  return (
    <span class="thumbnail" ref={box} aria-hidden="true">
      {url === null ? (
        extension(copy?.key ?? "")
      ) : (
        <img src={url} alt="" decoding="async" onError={() => setUrl(null)} />
      )}
    </span>
  );
}

function canShow(copy: GroupCopy | undefined, size: number): copy is GroupCopy {
  return (
    copy !== undefined && !copy.listed && size <= LARGEST_BYTES && mediaOf(copy.key) === "image"
  );
}
