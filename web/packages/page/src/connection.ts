/** Whether service and bucket can be reached, and as whom: work waits here until it can go on. */

import { Client } from "../client/client.ts";
import { Problem, Unreachable } from "../client/errors.ts";
import { abortable, delay, type Patience, patient, sleep } from "../client/patience.ts";
import type { Account } from "./account.ts";
import { Watchers } from "./watchers.ts";

/** `up`, or what has to happen before work goes on. */
export type ConnectionState = "up" | "unreachable" | "store-unreachable" | "token-needed";

/** Where the token is kept: sessionStorage, or anything like it. */
export type Keep = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const TOKEN = "onecopy-token";
/** Milliseconds between two looks whether somebody is back. */
const LOOK = 2_000;
/** Milliseconds for an answer to such a look. */
const LONGEST_LOOK = 10_000;

/** Somebody who may be away. */
interface Host {
  readonly away: ConnectionState;
  readonly answers: () => Promise<boolean>;
}

/** One for the page: all its requests wait together, and one of them looks. */
export class Connection {
  state: ConnectionState = "up";
  readonly #watchers = new Watchers();
  /** Tells of each change. */
  readonly watch = this.#watchers.add;
  readonly #root: string;
  readonly #keep: Keep;
  readonly #account: Account;
  readonly #service: Host = { away: "unreachable", answers: () => this.#isHealthy() };
  readonly #back = new Map<string, Promise<void>>();
  #admitted: Promise<void> | null = null;
  #admit: () => void = () => undefined;

  constructor(root: string, keep: Keep, account: Account) {
    this.#root = root;
    this.#keep = keep;
    this.#account = account;
  }

  /** The bearer token, for as long as the tab lives. */
  readonly token = (): string | null => this.#account.token ?? this.#keep.getItem(TOKEN);

  /** Take a token, and let the work go on with it. */
  setToken(token: string): void {
    this.#account.leave();
    this.#keep.setItem(TOKEN, token.trim());
    this.#admitted = null;
    this.#say("up");
    this.#admit();
  }

  /** Wait out a lost service for as long as it takes, a missing token too, the rest six times. */
  readonly patience: Patience = async (error, attempt, signal) => {
    if (error instanceof Unreachable) await abortable(this.#return("", this.#service), signal);
    else if (error instanceof Problem && error.status === 401) {
      await abortable(this.#admission(), signal);
    } else await patient(6)(error, attempt, signal);
  };

  /** Whether a bucket could not be reached; if so, only after it is back. */
  async wasLost(address: string, signal?: AbortSignal): Promise<boolean> {
    const answers = () => isThere(address);
    if (await answers()) return false;
    const bucket: Host = { away: "store-unreachable", answers };
    await abortable(this.#return(new URL(address).origin, bucket), signal);
    return true;
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const late = AbortSignal.timeout(LONGEST_LOOK);
      const answer = await fetch(`${this.#root}healthz`, { signal: late, cache: "no-store" });
      return answer.ok;
    } catch {
      return false;
    }
  }

  #return(name: string, host: Host): Promise<void> {
    const back = this.#back.get(name) ?? this.#look(host).finally(() => this.#back.delete(name));
    this.#back.set(name, back);
    return back;
  }

  async #look({ away, answers }: Host): Promise<void> {
    // Even if it answers at once: whoever is refused again and again must not ask in a loop.
    await sleep(delay(null, 1));
    while (!(await answers())) {
      this.#say(away);
      await sleep(LOOK);
    }
    if (this.state === away) this.#say("up");
  }

  async #admission(): Promise<void> {
    // The request that was refused may have left with the token before this one.
    if (await this.#admits()) return;
    this.#admitted ??= this.#ask();
    await this.#admitted;
  }

  /** Get another token: from the issuer, or else from the person. */
  async #ask(): Promise<void> {
    if (await this.#account.renew()) this.#admitted = null;
    else await this.#wait();
  }

  /** Take it that nobody gets in with this token; returns when there is another. */
  async refuse(): Promise<void> {
    this.#admitted ??= this.#wait();
    await this.#admitted;
  }

  async #wait(): Promise<void> {
    await this.#account.look();
    await new Promise<void>((admit) => {
      this.#admit = admit;
      this.#say("token-needed");
    });
  }

  async #admits(): Promise<boolean> {
    const client = new Client({ root: this.#root, token: this.token, patience: patient(1) });
    return await client.config().then(
      () => true,
      () => false,
    );
  }

  #say(state: ConnectionState): void {
    if (state === this.state) return;
    this.state = state;
    this.#watchers.call();
  }
}

/** Whether anything answers there, if only to say that it is not for us: CORS does not hide that. */
async function isThere(address: string): Promise<boolean> {
  try {
    const late = AbortSignal.timeout(LONGEST_LOOK);
    await fetch(address, { method: "HEAD", mode: "no-cors", cache: "no-store", signal: late });
    return true;
  } catch {
    return false;
  }
}
