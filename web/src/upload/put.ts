/** Sending bytes, with progress: XMLHttpRequest, for fetch tells none of an upload. */

import { readProblem, Unreachable } from "../client/errors.ts";

export interface Put {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Blob | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  /** Is told how many bytes of the body have been sent so far. */
  readonly sent: (bytes: number) => void;
}

/** Browsers set these themselves, and refuse them from us. */
const OWN = new Set(["host", "content-length"]);

/** Send one request; throws Problem if it is refused, Unreachable, and the signal's reason. */
export function put({ method, url, headers, body, signal, sent }: Put): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    signal.addEventListener("abort", stop, { once: true });
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      if (!OWN.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded }) => sent(loaded);
    request.onabort = () => reject(signal.reason);
    request.onerror = () => reject(new Unreachable("the bytes could not be sent"));
    request.onload = () => {
      const header = (name: string) => request.getResponseHeader(name);
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(readProblem(request.status, request.responseText, header));
    };
    request.onloadend = () => signal.removeEventListener("abort", stop);
    request.send(body);
  });
}
