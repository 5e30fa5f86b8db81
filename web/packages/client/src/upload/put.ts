/** Sending bytes, with progress: XMLHttpRequest, for fetch tells none of an upload. */

import { type Problem, Unreachable } from "../client/errors.ts";

export interface Put {
  readonly method: string;
  readonly url: URL;
  /** All that are sent, but for the browser's own; never cookies, to another origin. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Blob | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  /** Is told how many bytes of the body have been sent so far. */
  readonly sent: (bytes: number) => void;
  /** Says what an answer means that is not 2xx. */
  readonly read: (status: number, body: string, header: Header) => Problem;
}

type Header = (name: string) => string | null;

/** Browsers set these themselves, and refuse them from us. */
const OWN = new Set(["host", "content-length"]);
/** Milliseconds without a byte or an answer, after which a connection counts as lost. */
const STALLED = 120_000;

/** Send one request; throws what `read` says, Unreachable, and the signal's reason. */
export function put({ method, url, headers, body, signal, sent, read }: Put): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const stopLater = () => setTimeout(stop, STALLED);
    let timer = stopLater();
    signal.addEventListener("abort", stop, { once: true });
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      if (!OWN.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded }) => {
      clearTimeout(timer);
      timer = stopLater();
      sent(loaded);
    };
    const lost = () => reject(new Unreachable("the bytes could not be sent"));
    request.onabort = () => (signal.aborted ? reject(signal.reason) : lost());
    request.onerror = lost;
    request.onload = () => {
      const header = (name: string) => request.getResponseHeader(name);
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(read(request.status, request.responseText, header));
    };
    request.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    };
    request.send(body);
  });
}
