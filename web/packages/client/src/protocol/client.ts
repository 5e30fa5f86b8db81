/**
 * Client for the HTTP API, in browsers and in Node: one typed method per call, with retries.
 *
 * It needs only `fetch`. Every call may be repeated; results are in the order of the request.
 */

import type {
  Activity,
  Avoided,
  Config,
  Content,
  Copy,
  DuplicateGroups,
  DuplicateKind,
  DuplicatesSummary,
  Finish,
  PartDigest,
  Place,
  Result,
  Send,
  SignIn,
  Status,
  Upload,
} from "./documents.ts";
import { readProblem, ServiceError, Unreachable } from "./errors.ts";
import { backoff, type RetryPolicy } from "./retry.ts";

export interface Options {
  /** Root URL of the service, with a trailing slash, and without a user or password. */
  readonly root: string;
  /** Return the bearer token to send, or null. */
  readonly token?: () => string | null;
  /** Default: six attempts. */
  readonly retryPolicy?: RetryPolicy;
}

/** Long, because the store may need a while to complete an upload. */
const CALL_TIMEOUT_MS = 120_000;

/**
 * Client for one service. Methods throw Problem or Unreachable after the last attempt, and the
 * signal's reason.
 */
export class Client {
  readonly #root: string;
  readonly #token: () => string | null;
  readonly #retryPolicy: RetryPolicy;

  constructor({ root, token = () => null, retryPolicy = backoff(6) }: Options) {
    this.#root = root;
    this.#token = token;
    this.#retryPolicy = retryPolicy;
  }

  /** Return the service's configuration: limits, features, tenant, price. */
  async config(signal?: AbortSignal): Promise<Config> {
    const config = await this.#call<Config>("v1/config", undefined, signal);
    expected(config.limits);
    return config;
  }

  /** Return where users sign in; null if the service has no sign-in. Needs no token. */
  async signIn(signal?: AbortSignal): Promise<SignIn | null> {
    const answer = await this.#call<Partial<SignIn>>("v1/sign-in", undefined, signal);
    return answer.issuer === undefined ? null : (answer as SignIn);
  }

  /** Return for each size, in bytes, the schemes under which contents of that size are known. */
  async probe(sizes: readonly number[], signal?: AbortSignal): Promise<(readonly string[])[]> {
    const answer = await this.#call<{ schemes: Record<string, string[]> }>(
      "v1/probe",
      { sizes: [...new Set(sizes)] },
      signal,
    );
    const schemes = expected(answer.schemes);
    return sizes.map((size) => schemes[size] ?? []);
  }

  /** Return the verdict on each content. */
  check(files: readonly Content[], signal?: AbortSignal): Promise<readonly Result[]> {
    return this.#results("v1/check", { files }, signal);
  }

  /** Begin uploads; a retry begins the same uploads. */
  begin(files: readonly Upload[], signal?: AbortSignal): Promise<readonly Result[]> {
    return this.#results("v1/uploads", { files }, signal, { "Idempotency-Key": newKey() });
  }

  /** Return the requests that send these parts. */
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
    return expected(answer.send);
  }

  /** Return the stored parts of an upload, to resume it; accepts expired tickets. */
  status(ticket: string, signal?: AbortSignal): Promise<Status> {
    return this.#call("v1/uploads/status", { ticket }, signal);
  }

  /** Publish uploads whose parts are all stored, and record their copies. */
  complete(tickets: readonly Finish[], signal?: AbortSignal): Promise<readonly Result[]> {
    return this.#results("v1/uploads/complete", { tickets }, signal);
  }

  /** Copy stored contents to other keys, without sending them; `placing`: call again. */
  place(files: readonly Place[], signal?: AbortSignal): Promise<readonly Result[]> {
    return this.#results("v1/place", { files }, signal);
  }

  /** Abort uploads that are not completed. */
  async abort(tickets: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#call("v1/uploads/abort", { tickets }, signal);
  }

  /** Count what a run avoided; a retry counts once. The request outlives the page. */
  async countAvoided(avoided: Avoided, signal?: AbortSignal): Promise<void> {
    const headers = { "Idempotency-Key": newKey() };
    await this.#call("v1/avoided", avoided, signal, headers, true);
  }

  /** Return what the caller's tenant has uploaded and avoided. */
  activity(signal?: AbortSignal): Promise<Activity> {
    return this.#call("v1/activity", undefined, signal);
  }

  /** Return what the caller's tenant has stored twice. */
  duplicates(signal?: AbortSignal): Promise<DuplicatesSummary> {
    return this.#call("v1/duplicates", undefined, signal);
  }

  /** Return the groups of duplicates that waste most; `after` is `next` of the groups before. */
  duplicateGroups(
    kind: DuplicateKind,
    after?: string,
    signal?: AbortSignal,
  ): Promise<DuplicateGroups> {
    const query = new URLSearchParams(after === undefined ? { kind } : { kind, after });
    return this.#call(`v1/duplicates/groups?${query}`, undefined, signal);
  }

  /** Return a short-lived link to a copy of the caller's tenant. */
  async link(copy: Pick<Copy, "key">, signal?: AbortSignal): Promise<string> {
    const answer = await this.#call<{ url: string }>(
      `v1/copies/${segments(copy.key)}/link`,
      undefined,
      signal,
    );
    return this.address(answer.url).href;
  }

  /** Return the absolute form of a URL that the service returned. */
  address(url: string): URL {
    return new URL(url.replace(/^\/(?!\/)/, ""), this.#root);
  }

  /** Return whether a request goes to the service itself; requests to others have absolute URLs. */
  isToService({ url }: Send): boolean {
    return /^\/(?!\/)/.test(url) && this.address(url).href.startsWith(this.#root);
  }

  /** Return the headers of a request, with the token only if it goes to the service itself. */
  headers(send: Send): Record<string, string> {
    return this.isToService(send)
      ? { ...this.#authorization(), ...send.headers }
      : { ...send.headers };
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
    return expected(answer.results);
  }

  async #call<T>(
    path: string,
    body: object | undefined,
    signal?: AbortSignal,
    headers: Record<string, string> = {},
    keepalive = false,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        return (await this.#fetch(path, body, headers, signal, keepalive)) as T;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        await this.#retryPolicy(error, attempt, signal);
      }
    }
  }

  async #fetch(
    path: string,
    body: object | undefined,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
    keepalive: boolean,
  ): Promise<unknown> {
    const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const init: RequestInit = {
      headers: { Accept: "application/json", ...this.#authorization(), ...headers },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      cache: "no-store",
      redirect: "manual",
      keepalive,
    };
    if (body !== undefined) {
      Object.assign(init.headers as object, { "Content-Type": "application/json" });
      Object.assign(init, { method: "POST", body: JSON.stringify(body) });
    }
    const url = new URL(path, this.#root);
    const { response, text } = await fetchText(url, init);
    // Browsers hide the status of a redirect.
    if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      throw new Unreachable(
        `${url.host} redirects, perhaps to a sign-in; use the URL of the service itself`,
      );
    }
    if (!response.ok)
      throw readProblem(response.status, text, (name) => response.headers.get(name));
    return response.status === 204 ? null : parse(text, url.host);
  }
}

/** Return a field that every answer of onecopy to a call has. */
function expected<T>(value: T | undefined): T {
  if (value === undefined) throw new ServiceError("the answer is not one of onecopy");
  return value;
}

async function fetchText(
  url: URL,
  init: RequestInit,
): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(url, init);
    return { response, text: await response.text() };
  } catch (error) {
    throw new Unreachable(`no answer from ${url.host}; check the network`, { cause: error });
  }
}

/** Parse an object; anything else comes from a network in between, such as a hotel's login page. */
function parse(text: string, host: string): object {
  let cause: unknown;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    cause = error;
  }
  throw new Unreachable(`no JSON in the answer from ${host}; check the network`, { cause });
}

/**
 * Return a key as segments of a URL's path. URLs resolve the names `.` and `..`, and servers may
 * merge slashes, so a key with such names is a single segment: otherwise it would name another key.
 */
function segments(key: string): string {
  const names = key.split("/");
  if (names.some((name) => name === "" || name === "." || name === "..")) {
    return encodeURIComponent(key);
  }
  return names.map(encodeURIComponent).join("/");
}

/** Return 32 random hex digits; pages on plain http have no crypto.randomUUID. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
