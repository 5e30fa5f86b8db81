/**
 * The service, seen from a browser or from Node: one method per call, typed, and patient.
 *
 * Needs nothing but `fetch`, so that it serves other upload pages too. All calls may be repeated;
 * lists are answered in order.
 */

import type {
  Config,
  Content,
  Copy,
  Finish,
  PartDigest,
  Result,
  Send,
  SignIn,
  Status,
  Upload,
} from "./documents.ts";
import { readProblem, Unreachable } from "./errors.ts";
import { type Patience, patient } from "./patience.ts";

export interface Options {
  /** The service's root, with a slash at its end. */
  readonly root: string;
  /** Return the bearer token to send, or null. */
  readonly token?: () => string | null;
  /** Left out: six attempts. */
  readonly patience?: Patience;
}

/** Milliseconds; a completion may take the store a while. */
const LONGEST_CALL = 120_000;

/** Throws Problem and Unreachable when its patience ends, and the signal's reason. */
export class Client {
  readonly #root: string;
  readonly #token: () => string | null;
  readonly #patience: Patience;

  constructor({ root, token = () => null, patience = patient(6) }: Options) {
    this.#root = root;
    this.#token = token;
    this.#patience = patience;
  }

  /** Return what a client must know. */
  config(signal?: AbortSignal): Promise<Config> {
    return this.#call("v1/config", undefined, signal);
  }

  /** Return where people sign in; null if nobody does. Needs no token. */
  async signIn(signal?: AbortSignal): Promise<SignIn | null> {
    const answer = await this.#call<Partial<SignIn>>("v1/sign-in", undefined, signal);
    return answer.issuer === undefined ? null : (answer as SignIn);
  }

  /** Return, for each size in bytes, the schemes under which contents of that size are known. */
  async probe(sizes: readonly number[], signal?: AbortSignal): Promise<(readonly string[])[]> {
    const answer = await this.#call<{ schemes: Record<string, string[]> }>(
      "v1/probe",
      { sizes: [...new Set(sizes)] },
      signal,
    );
    return sizes.map((size) => answer.schemes[size] ?? []);
  }

  /** Return the verdict on each content. */
  check(files: readonly Content[], signal?: AbortSignal): Promise<readonly Result[]> {
    return this.#results("v1/check", { files }, signal);
  }

  /** Begin uploads; trying again begins the same ones. */
  begin(files: readonly Upload[], signal?: AbortSignal): Promise<readonly Result[]> {
    return this.#results("v1/uploads", { files }, signal, { "Idempotency-Key": newKey() });
  }

  /** Return where to send parts. */
  async parts(
    ticket: string,
    parts: readonly PartDigest[],
    signal?: AbortSignal,
  ): Promise<readonly Send[]> {
    const answer = await this.#call<{ send: Send[] }>(
      "v1/uploads/parts",
      { ticket, parts },
      signal,
    );
    return answer.send;
  }

  /** Return what the store has of an upload, for resuming; takes tickets that have expired. */
  status(ticket: string, signal?: AbortSignal): Promise<Status> {
    return this.#call("v1/uploads/status", { ticket }, signal);
  }

  /** Publish uploads and record their copies. */
  complete(tickets: readonly Finish[], signal?: AbortSignal): Promise<readonly Result[]> {
    return this.#results("v1/uploads/complete", { tickets }, signal);
  }

  /** Give up uncompleted uploads. */
  async abort(tickets: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#call("v1/uploads/abort", { tickets }, signal);
  }

  /** Return a short-lived link to a copy of one's own. */
  async link(copy: Copy, signal?: AbortSignal): Promise<string> {
    const path = copy.key.split("/").map(encodeURIComponent).join("/");
    const answer = await this.#call<{ url: string }>(`v1/copies/${path}/link`, undefined, signal);
    return this.address(answer.url).href;
  }

  /** Return an address that the service gave, made absolute. */
  address(url: string): URL {
    return new URL(url.replace(/^\/(?!\/)/, ""), this.#root);
  }

  /** Whether a request goes to the service itself: all others' addresses are absolute. */
  isOurs({ url }: Send): boolean {
    return /^\/(?!\/)/.test(url) && this.address(url).href.startsWith(this.#root);
  }

  /** Return the headers of a request, and the token if it goes to the service itself. */
  headers(send: Send): Record<string, string> {
    return this.isOurs(send) ? { ...this.#authorization(), ...send.headers } : { ...send.headers };
  }

  #authorization(): Record<string, string> {
    const token = this.#token();
    return token === null ? {} : { Authorization: `Bearer ${token}` };
  }

  async #results(
    path: string,
    body: object,
    signal?: AbortSignal,
    headers: Record<string, string> = {},
  ): Promise<readonly Result[]> {
    const answer = await this.#call<{ results: Result[] }>(path, body, signal, headers);
    return answer.results;
  }

  async #call<T>(
    path: string,
    body: object | undefined,
    signal?: AbortSignal,
    headers: Record<string, string> = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        return (await this.#ask(path, body, headers, signal)) as T;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        await this.#patience(error, attempt, signal);
      }
    }
  }

  async #ask(
    path: string,
    body: object | undefined,
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const late = AbortSignal.timeout(LONGEST_CALL);
    const init: RequestInit = {
      headers: { Accept: "application/json", ...this.#authorization(), ...headers },
      signal: signal ? AbortSignal.any([signal, late]) : late,
      cache: "no-store",
      redirect: "error",
    };
    if (body !== undefined) {
      Object.assign(init.headers as object, { "Content-Type": "application/json" });
      Object.assign(init, { method: "POST", body: JSON.stringify(body) });
    }
    const { response, text } = await fetchText(new URL(path, this.#root), init);
    if (!response.ok)
      throw readProblem(response.status, text, (name) => response.headers.get(name));
    return text === "" ? null : parse(text);
  }
}

async function fetchText(
  url: URL,
  init: RequestInit,
): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(url, init);
    return { response, text: await response.text() };
  } catch (error) {
    throw new Unreachable("the service can't be reached", { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Unreachable("what answers is not the service", { cause: error });
  }
}

/** 32 hex digits; pages on plain http have no crypto.randomUUID. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
