/** A service in memory, behind the `fetch` and the `XMLHttpRequest` of a browser. */

import { vi } from "vitest";
import type { PartDigest, Result } from "../../src/protocol/documents.ts";

interface Begun {
  readonly key: string;
  readonly size: number;
  readonly digest: string | undefined;
  readonly parts: Map<number, string>;
  isOpen: boolean;
}

interface Call {
  readonly path: string;
  // biome-ignore lint/suspicious/noExplicitAny: any document of the API
  readonly body: any;
  readonly token: string | null;
}

type Handler = (body: Call["body"]) => unknown;

export const ROOT = "https://copies.test/";

export class Service {
  /** Keys by content digest. */
  readonly stored = new Map<string, string>();
  readonly sizes = new Set<number>();
  readonly calls: Call[] = [];
  /** The parts that were sent, as `ticket/number`. */
  readonly sent: string[] = [];
  features = ["upload", "place"];
  /** The only token that is accepted; null: no token is needed. */
  accepted: string | null = null;
  /** Whether somebody else uploads the content of the next upload that is begun. */
  isUploading = false;
  /** Bytes of uploads that may be begun at the same time. */
  quota = Number.POSITIVE_INFINITY;
  /** Called before a part is stored; throw to lose the connection. */
  onPart: (number: number) => void = () => undefined;
  readonly #begun: Begun[] = [];

  /** Return the bodies of all calls of an operation. */
  bodies(path: string): Call["body"][] {
    return this.calls.filter((call) => call.path === path).map(({ body }) => body);
  }

  add(digest: string, key: string, size: number): void {
    this.stored.set(digest, key);
    this.sizes.add(size);
  }

  /** Take the place of the network. */
  install(): void {
    vi.stubGlobal("fetch", (url: URL, init: RequestInit) => this.#fetch(url, init));
    vi.stubGlobal("XMLHttpRequest", requests(this));
  }

  storePart(path: string): void {
    const [, ticket = "", number = ""] = /parts\/(\d+)\/(\d+)$/.exec(path) ?? [];
    this.onPart(Number(number));
    this.sent.push(`${ticket}/${number}`);
    this.#begun[Number(ticket)]?.parts.set(Number(number), "");
  }

  async #fetch(url: URL, { body, headers }: RequestInit): Promise<Response> {
    const path = url.pathname.slice(1);
    const authorization = (headers as Record<string, string>)["Authorization"];
    const token = authorization?.replace("Bearer ", "") ?? null;
    const document = typeof body === "string" ? JSON.parse(body) : {};
    this.calls.push({ path, body: document, token });
    if (this.accepted !== null && token !== this.accepted) {
      return Response.json({ reason: "token-invalid", detail: "expired" }, { status: 401 });
    }
    const handler = this.#handlers[path];
    if (handler === undefined) return Response.json({ reason: "not-found" }, { status: 404 });
    return Response.json(handler(document));
  }

  readonly #handlers: Record<string, Handler> = {
    "v1/config": () => ({
      tenant: "default",
      features: this.features,
      limits: { sizes: 100, files: 100, digests: 8, parts: 100, key_bytes: 1024 },
    }),
    "v1/probe": ({ sizes }) => ({
      schemes: Object.fromEntries(
        sizes
          .filter((size: number) => this.sizes.has(size))
          .map((size: number) => [size, [name(size)]]),
      ),
    }),
    "v1/check": ({ files }) => ({ results: files.map((file: never) => this.#check(file)) }),
    "v1/uploads": ({ files }) => ({ results: files.map((file: never) => this.#begin(file)) }),
    "v1/uploads/parts": ({ ticket, parts }) => ({
      send: parts.map(({ number }: PartDigest) => send(ticket, number)),
    }),
    "v1/uploads/status": ({ ticket }) => ({
      ticket,
      parts: Array.from(this.#begun[ticket]?.parts ?? [], ([number, sha256]) => ({
        number,
        sha256,
        size: 8 * 1024 * 1024,
      })),
    }),
    "v1/uploads/complete": ({ tickets }) => ({
      results: tickets.map(({ ticket }: { ticket: number }) => this.#complete(ticket)),
    }),
    "v1/uploads/abort": ({ tickets }) => {
      for (const ticket of tickets) this.#end(ticket);
      return {};
    },
    "v1/avoided": () => ({}),
    "v1/place": ({ files }) => ({ results: files.map((file: never) => this.#place(file)) }),
  };

  #check({ digests, size }: { digests: string[]; size: number }): Result {
    const key = digests.map((digest) => this.stored.get(digest)).find(Boolean);
    return key === undefined ? { verdict: "new" } : duplicate(key, size);
  }

  #begin({ key, size, digests }: { key: string; size: number; digests?: string[] }): Result {
    if (this.isUploading) {
      this.isUploading = false;
      return { verdict: "unconfirmed", reason: "uploading" };
    }
    const found = this.#check({ digests: digests ?? [], size });
    if (found.verdict === "duplicate") return found;
    const open = this.#begun.filter(({ isOpen }) => isOpen);
    if (open.reduce((sum, each) => sum + each.size, size) > this.quota) {
      return { verdict: "unconfirmed", reason: "quota-exceeded", message: "no room" };
    }
    const ticket = String(this.#begun.length);
    this.#begun.push({ key, size, digest: digests?.[0], parts: new Map(), isOpen: true });
    return { verdict: "new", ticket, ...(size < 8 * 1024 * 1024 && { send: send(ticket, 1) }) };
  }

  #complete(ticket: number): Result {
    const { key = "", size = 0, digest } = this.#begun[ticket] ?? {};
    this.#end(ticket);
    if (digest !== undefined) this.add(digest, key, size);
    return { ...duplicate(key, size), verdict: "new" };
  }

  #end(ticket: number): void {
    const begun = this.#begun[ticket];
    if (begun) begun.isOpen = false;
  }

  #place({ key, size, digest }: { key: string; size: number; digest: string }): Result {
    if (!this.stored.has(digest)) return { verdict: "new" };
    return { ...duplicate(key, size), reason: "placed" };
  }
}

function name(size: number): string {
  return size < 8 * 1024 * 1024 ? "sha256" : "sha256+8388608";
}

function send(ticket: string, number: number) {
  const url = `/v1/uploads/parts/${ticket}/${number}`;
  return { number, method: "PUT", url, headers: {} };
}

function duplicate(key: string, size: number): Result {
  return { verdict: "duplicate", copy: { key, size, stored_at: "", recorded_at: "" } };
}

/** Return a class of requests that store parts in the service. */
function requests(service: Service) {
  return class {
    readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
    readonly status = 200;
    onload = () => undefined;
    onerror = () => undefined;
    onabort = () => undefined;
    onloadend = () => undefined;
    #path = "";
    #isAborted = false;

    open(_method: string, url: URL): void {
      this.#path = url.pathname;
    }

    setRequestHeader(): void {}

    getResponseHeader(): null {
      return null;
    }

    send(body: Blob | Uint8Array): void {
      setTimeout(() => this.#finish("size" in body ? body.size : body.length));
    }

    abort(): void {
      this.#isAborted = true;
      this.onabort();
      this.onloadend();
    }

    #finish(loaded: number): void {
      if (this.#isAborted) return; // it never arrived
      try {
        service.storePart(this.#path);
      } catch {
        if (!this.#isAborted) this.onerror();
        return;
      }
      if (this.#isAborted) return;
      this.upload.onprogress?.({ loaded });
      this.onload();
      this.onloadend();
    }
  };
}
