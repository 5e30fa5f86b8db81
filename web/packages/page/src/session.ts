/** The user's sign-in at the issuer, for as long as the tab is open. */

import {
  type Client,
  Issuer,
  Observable,
  type PendingSignIn,
  ServiceError,
  type SignIn,
  type Tokens,
} from "@onecopy/client";

/** Storage of this tab: sessionStorage, or an object with the same methods. */
export type TabStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The page's address. */
export interface Address {
  readonly href: string;
  /** Leave the page for another URL. */
  readonly leaveFor: (url: string) => void;
  /** Show another URL in the address bar, and stay on the page. */
  readonly replace: (url: string) => void;
}

const TOKEN_NAME = "onecopy-signed-in";
const PENDING_NAME = "onecopy-signing-in";

/** The sign-in. Without an issuer nobody can sign in, and methods do nothing. */
export class Session {
  readonly #changes = new Observable();
  readonly subscribe = this.#changes.subscribe;
  readonly #client: Client;
  readonly #storage: TabStorage;
  readonly #address: Address;
  readonly #back: string;
  #config: SignIn | null = null;
  /** In memory only: it outlives a token, and after a reload the user can sign in again. */
  #refresh: string | null = null;
  /** Requests that fail while a sign-in is finishing wait for it. */
  #finishing: Promise<boolean> = Promise.resolve(false);
  /** What went wrong, for people; empty if nothing did. */
  error = "";
  /** Whether the page is being left for the issuer. */
  isLeaving = false;

  /** Users return from the issuer to `back`, the page's URL. */
  constructor(client: Client, storage: TabStorage, address: Address, back: string) {
    this.#client = client;
    this.#storage = storage;
    this.#address = address;
    this.#back = back;
  }

  /** The token that the service accepts; null if nobody has signed in. */
  get token(): string | null {
    return this.#storage.getItem(TOKEN_NAME);
  }

  /** Whether users can sign in, as far as `discover` has found out. */
  get isOffered(): boolean {
    return this.#config !== null;
  }

  /** Find out whether users can sign in. */
  async discover(): Promise<void> {
    this.#config ??= await this.#client.signIn().catch(() => null);
  }

  /** Leave the page to sign in at the issuer. */
  async begin(): Promise<void> {
    await this.#withIssuer(async (issuer) => {
      const { url, pending } = await issuer.begin(this.#back);
      this.#storage.setItem(PENDING_NAME, JSON.stringify(pending));
      this.isLeaving = true;
      this.#address.leaveFor(url);
    });
  }

  /** Finish a sign-in if the page was opened with the issuer's answer. */
  async finish(): Promise<void> {
    const answer = new URL(this.#address.href).searchParams;
    if (!answer.has("state") || !(answer.has("code") || answer.has("error"))) return;
    this.#address.replace(this.#back);
    const stored = this.#storage.getItem(PENDING_NAME);
    const pending = JSON.parse(stored ?? "null") as PendingSignIn | null;
    // A pending sign-in is used once, whether or not it succeeds.
    this.#storage.removeItem(PENDING_NAME);
    this.#finishing = this.#withIssuer(async (issuer) => {
      this.#accept(await issuer.finish(answer, pending, this.#back));
    });
    await this.#finishing;
    this.#finishing = Promise.resolve(false);
  }

  /** Get a new token without the user; returns whether there is one. */
  async renew(): Promise<boolean> {
    if (await this.#finishing) return true;
    const refresh = this.#refresh;
    // A refresh token is used once: if it is refused, it will be refused again.
    this.#refresh = null;
    if (refresh === null) return false;
    return await this.#withIssuer(async (issuer) => this.#accept(await issuer.renew(refresh)));
  }

  /** Sign out here and at the issuer, which leaves the page. */
  async signOut(): Promise<void> {
    let url: string | null = null;
    await this.#withIssuer(async (issuer) => {
      url = issuer.signOutUrl(this.#back);
    });
    this.forget();
    this.#address.leaveFor(url ?? this.#back);
  }

  /** Forget the sign-in on this page. */
  forget(): void {
    this.#refresh = null;
    this.#storage.removeItem(TOKEN_NAME);
    this.#changes.notify();
  }

  /** Show an error; an empty one removes it. */
  showError(message: string): void {
    this.error = message;
    this.#changes.notify();
  }

  #accept({ bearer, refresh }: Tokens): void {
    this.#storage.setItem(TOKEN_NAME, bearer);
    this.#refresh = refresh;
    this.#changes.notify();
  }

  /** Do something with the issuer; returns whether it succeeded, and shows the error if not. */
  async #withIssuer(act: (issuer: Issuer) => Promise<void>): Promise<boolean> {
    try {
      await this.discover();
      if (this.#config === null) return false;
      await act(await Issuer.discover(this.#config));
      this.showError("");
      return true;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.showError(error.message);
      return false;
    }
  }
}
