/** Whom the issuer says that we are, for as long as the tab lives. */

import type { Client } from "../client/client.ts";
import type { SignIn } from "../client/documents.ts";
import { ServiceError } from "../client/errors.ts";
import { Issuer, type Pending, type Session } from "../client/issuer.ts";
import type { Keep } from "./connection.ts";
import { Watchers } from "./watchers.ts";

/** The page's own address bar. */
export interface Place {
  /** What it says. */
  readonly href: string;
  /** Go there, and leave the page. */
  readonly go: (url: string) => void;
  /** Say something else, and stay. */
  readonly say: (url: string) => void;
}

/** What a sign-in gave, and what one waits for: kept for this tab alone. */
const TOKEN = "onecopy-signed-in";
const PENDING = "onecopy-signing-in";

/** Nobody, where no issuer is named; then it does nothing. */
export class Account {
  readonly #watchers = new Watchers();
  /** Tells of each change. */
  readonly watch = this.#watchers.add;
  readonly #client: Client;
  readonly #keep: Keep;
  readonly #place: Place;
  readonly #back: string;
  #terms: SignIn | null = null;
  /** In memory only: it lives longer than a token, and a page that is loaded anew may ask again. */
  #refresh: string | null = null;
  /** Work that is begun meanwhile waits for it. */
  #finishing: Promise<boolean> = Promise.resolve(false);
  /** What went wrong, for people; empty if nothing did. */
  trouble = "";
  /** Whether the page is on its way to the issuer. */
  isLeaving = false;

  /** People come back to `back`, the page's address. */
  constructor(client: Client, keep: Keep, place: Place, back: string) {
    this.#client = client;
    this.#keep = keep;
    this.#place = place;
    this.#back = back;
  }

  /** What lets in; null if nobody has signed in. */
  get token(): string | null {
    return this.#keep.getItem(TOKEN);
  }

  /** Whether people can sign in, as far as it is known. */
  get isOffered(): boolean {
    return this.#terms !== null;
  }

  /** Find out whether people can sign in. */
  async look(): Promise<void> {
    this.#terms ??= await this.#client.signIn().catch(() => null);
  }

  /** Go to the issuer; the page is left. */
  async begin(): Promise<void> {
    await this.#trying(async (issuer) => {
      const { url, pending } = await issuer.begin(this.#back);
      this.#keep.setItem(PENDING, JSON.stringify(pending));
      this.isLeaving = true;
      this.#place.go(url);
    });
  }

  /** Take what the issuer has answered, if that is how the page was opened. */
  async finish(): Promise<void> {
    const answer = new URL(this.#place.href).searchParams;
    if (!answer.has("state") || !(answer.has("code") || answer.has("error"))) return;
    this.#place.say(this.#back);
    const pending = JSON.parse(this.#keep.getItem(PENDING) ?? "null") as Pending | null;
    // What was answered once is over, whatever comes of it.
    this.#keep.removeItem(PENDING);
    this.#finishing = this.#trying(async (issuer) => {
      this.#take(await issuer.finish(answer, pending, this.#back));
    });
    await this.#finishing;
    this.#finishing = Promise.resolve(false);
  }

  /** Get another token without asking the person; returns whether there is one. */
  async renew(): Promise<boolean> {
    if (await this.#finishing) return true;
    const refresh = this.#refresh;
    // Each is tried once: what is refused would be refused again.
    this.#refresh = null;
    if (refresh === null) return false;
    return await this.#trying(async (issuer) => this.#take(await issuer.renew(refresh)));
  }

  /** Forget who we are, here and at the issuer; the page is left. */
  async signOut(): Promise<void> {
    let end: string | null = null;
    await this.#trying(async (issuer) => {
      end = issuer.end(this.#back);
    });
    this.leave();
    this.#place.go(end ?? this.#back);
  }

  /** Forget who we are, here. */
  leave(): void {
    this.#refresh = null;
    this.#keep.removeItem(TOKEN);
    this.#watchers.call();
  }

  /** Say what went wrong. */
  complain(trouble: string): void {
    this.trouble = trouble;
    this.#watchers.call();
  }

  #take({ bearer, refresh }: Session): void {
    this.#keep.setItem(TOKEN, bearer);
    this.#refresh = refresh;
    this.#watchers.call();
  }

  /** Do something with the issuer; returns whether it worked, and says why not. */
  async #trying(act: (issuer: Issuer) => Promise<void>): Promise<boolean> {
    try {
      await this.look();
      if (this.#terms === null) return false;
      await act(await Issuer.find(this.#terms));
      this.complain("");
      return true;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.complain(error.message);
      return false;
    }
  }
}
