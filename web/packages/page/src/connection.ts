/** Whether the service and the bucket can be reached, and with which token. Requests wait here. */

import {
  abortable,
  backoff,
  Client,
  isReachable,
  type Network,
  Observable,
  Problem,
  type RetryPolicy,
  retryDelay,
  sleep,
  Unreachable,
} from "@onecopy/client";
import type { Session, TabStorage } from "./session.ts";
import { Pause } from "./upload/pause.ts";

/** `up`, or what has to change before requests continue. */
export type ConnectionState = "up" | "unreachable" | "store-unreachable" | "token-needed";

const TOKEN_NAME = "onecopy-token";
const MAX_ATTEMPTS = 6;
/** Time between two checks whether a host can be reached again. */
const POLL_INTERVAL_MS = 2_000;
const POLL_TIMEOUT_MS = 10_000;

/** A host that may be unreachable. */
interface Host {
  readonly downState: ConnectionState;
  readonly isUp: () => Promise<boolean>;
}

/** The page's connection: all its requests wait together while one of them checks the host. */
export class Connection implements Network {
  state: ConnectionState = "up";
  /** The user's own pauses. */
  readonly pause = new Pause();
  readonly ready = this.pause.ready;
  readonly #changes = new Observable();
  readonly subscribe = this.#changes.subscribe;
  readonly #root: string;
  readonly #storage: TabStorage;
  readonly #session: Session;
  readonly #service: Host = { downState: "unreachable", isUp: () => this.#isHealthy() };
  readonly #waits = new Map<string, Promise<void>>();
  #admission: Promise<void> | null = null;
  #admit: () => void = () => undefined;

  constructor(root: string, storage: TabStorage, session: Session) {
    this.#root = root;
    this.#storage = storage;
    this.#session = session;
  }

  /** Return the bearer token, which is kept while the tab is open. */
  readonly token = (): string | null => this.#session.token ?? this.#storage.getItem(TOKEN_NAME);

  /** Use a token that the user entered, and let waiting requests continue with it. */
  setToken(token: string): void {
    this.#session.forget();
    this.#storage.setItem(TOKEN_NAME, token.trim());
    this.#admission = null;
    this.#setState("up");
    this.#admit();
  }

  /** Wait as long as the service is unreachable or a token is missing; retry other failures. */
  readonly retryPolicy: RetryPolicy = async (error, attempt, signal) => {
    if (error instanceof Unreachable || (await this.#isGatewayAlone(error))) {
      await abortable(this.#waitFor("", this.#service), signal);
    } else if (error instanceof Problem && error.status === 401) {
      await abortable(this.#waitForToken(), signal);
    } else await backoff(MAX_ATTEMPTS)(error, attempt, signal);
  };

  async wasUnreachable(address: string, signal?: AbortSignal): Promise<boolean> {
    const isUp = () => isReachable(address);
    if (await isUp()) return false;
    const bucket: Host = { downState: "store-unreachable", isUp };
    await abortable(this.#waitFor(new URL(address).origin, bucket), signal);
    return true;
  }

  /** Wait for a token after the service refused the present one for good. */
  async refuseToken(): Promise<void> {
    this.#admission ??= this.#askUser();
    await this.#admission;
  }

  /** Return whether a gateway answered because the service behind it is away, as in a restart. */
  async #isGatewayAlone(error: unknown): Promise<boolean> {
    return (
      error instanceof Problem && /^http-50[234]$/.test(error.reason) && !(await this.#isHealthy())
    );
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(POLL_TIMEOUT_MS);
      const answer = await fetch(`${this.#root}healthz`, { signal, cache: "no-store" });
      return answer.ok;
    } catch {
      return false;
    }
  }

  #waitFor(name: string, host: Host): Promise<void> {
    const running = this.#waits.get(name);
    const wait = running ?? this.#poll(host).finally(() => this.#waits.delete(name));
    this.#waits.set(name, wait);
    return wait;
  }

  async #poll({ downState, isUp }: Host): Promise<void> {
    // Even if it answers at once: a client that is refused again and again must not loop.
    await sleep(retryDelay(null, 1));
    while (!(await isUp())) {
      this.#setState(downState);
      await sleep(POLL_INTERVAL_MS);
    }
    if (this.state === downState) this.#setState("up");
  }

  async #waitForToken(): Promise<void> {
    // The refused request may have been sent with an earlier token than the present one.
    if (await this.#isTokenAccepted()) return;
    this.#admission ??= this.#getToken();
    await this.#admission;
  }

  /** Get a new token from the issuer, or else from the user. */
  async #getToken(): Promise<void> {
    if (await this.#session.renew()) this.#admission = null;
    else await this.#askUser();
  }

  async #askUser(): Promise<void> {
    await this.#session.discover();
    await new Promise<void>((admit) => {
      this.#admit = admit;
      this.#setState("token-needed");
    });
  }

  async #isTokenAccepted(): Promise<boolean> {
    const client = new Client({ root: this.#root, token: this.token, retryPolicy: backoff(1) });
    return await client.config().then(
      () => true,
      () => false,
    );
  }

  #setState(state: ConnectionState): void {
    if (state === this.state) return;
    this.state = state;
    this.#changes.notify();
  }
}
