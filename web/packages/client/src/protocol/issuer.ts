/**
 * An OpenID Connect issuer, seen by a public client: the authorization code flow with PKCE.
 *
 * OpenID Connect Core 1.0 (3.1), Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (`iss` in the answer). ID
 * tokens come from the issuer itself, over TLS, so their claims are looked at here, and their
 * signature by whoever they are shown to (Core, 3.1.3.7, 6). Written out rather than taken from
 * oauth4webapi, which for this would nearly double the page.
 */

import type { SignIn } from "./documents.ts";
import { SignInFailed, Unreachable } from "./errors.ts";

/** What is remembered from the way out to the way back. */
export interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** What a sign-in gives. */
export interface Session {
  /** The token that lets in. */
  readonly bearer: string;
  /** Gives another one; null if the issuer gave none. */
  readonly refresh: string | null;
}

/** What an issuer says of itself, or answers. */
type Json = Readonly<Record<string, unknown>>;

/** Milliseconds for an answer. */
const LONGEST = 20_000;
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Methods throw SignInFailed, and Unreachable where no answer came. */
export class Issuer {
  readonly #terms: SignIn;
  readonly #metadata: Json;

  private constructor(terms: SignIn, metadata: Json) {
    this.#terms = terms;
    this.#metadata = metadata;
  }

  /** Ask an issuer for what it says of itself. */
  static async find(terms: SignIn): Promise<Issuer> {
    const place = `${terms.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const metadata = await ask(checked(place));
    if (metadata["issuer"] !== terms.issuer)
      throw new SignInFailed(`${host(terms.issuer)} names itself otherwise than it is known here.`);
    return new Issuer(terms, metadata);
  }

  /** Return where to sign in, and what to remember for the way back. */
  async begin(back: string): Promise<{ readonly url: string; readonly pending: Pending }> {
    const pending = { state: random(), nonce: random(), verifier: random() };
    const { client_id, scopes, audience } = this.#terms;
    const url = this.#endpoint("authorization_endpoint", {
      response_type: "code",
      client_id,
      redirect_uri: back,
      scope: scopes,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await challenge(pending.verifier),
      code_challenge_method: "S256",
      ...(audience === undefined ? {} : { audience }),
    });
    return { url: url.href, pending };
  }

  /** Exchange the code of an answer, which must be to what is pending, for tokens. */
  async finish(answer: URLSearchParams, pending: Pending | null, back: string): Promise<Session> {
    const iss = answer.get("iss");
    if (pending === null || answer.get("state") !== pending.state)
      throw new SignInFailed("An answer came that belongs to no sign-in of this page: not taken.");
    if (iss !== null && iss !== this.#terms.issuer)
      throw new SignInFailed("An answer came from another issuer than was asked: not taken.");
    const code = answer.get("code");
    if (code === null) throw refused(this.#terms.issuer, Object.fromEntries(answer));
    return await this.#tokens(
      {
        grant_type: "authorization_code",
        code,
        redirect_uri: back,
        code_verifier: pending.verifier,
      },
      pending.nonce,
    );
  }

  /** Get another token without asking the person. */
  async renew(refresh: string): Promise<Session> {
    const session = await this.#tokens({ grant_type: "refresh_token", refresh_token: refresh });
    return { ...session, refresh: session.refresh ?? refresh };
  }

  /** Return where to sign out; null if the issuer has no such place. */
  end(back: string): string | null {
    if (typeof this.#metadata["end_session_endpoint"] !== "string") return null;
    const { client_id } = this.#terms;
    // Cognito's name for it is another one; what is unknown is ignored.
    const query = { client_id, post_logout_redirect_uri: back, logout_uri: back };
    return this.#endpoint("end_session_endpoint", query).href;
  }

  async #tokens(form: Record<string, string>, nonce?: string): Promise<Session> {
    const { issuer, client_id, audience } = this.#terms;
    const found = await ask(this.#endpoint("token_endpoint"), { ...form, client_id });
    if (nonce !== undefined || found["id_token"] !== undefined)
      checkClaims(found["id_token"], { issuer, client_id, nonce });
    const bearer = audience === undefined ? found["id_token"] : found["access_token"];
    if (typeof bearer !== "string") throw new SignInFailed(`${host(issuer)} gave no token.`);
    const refresh = found["refresh_token"];
    return { bearer, refresh: typeof refresh === "string" ? refresh : null };
  }

  #endpoint(name: string, query: Record<string, string> = {}): URL {
    const url = checked(String(this.#metadata[name]));
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    return url;
  }
}

/** Return an address that is safe to send secrets to: TLS, or this machine. */
function checked(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  const isLocal = url?.protocol === "http:" && LOOPBACK.has(url.hostname);
  if (url === null || (url.protocol !== "https:" && !isLocal))
    throw new SignInFailed(`Nobody can sign in at ${address}, which is no address with https.`);
  return url;
}

async function ask(url: URL, form?: Record<string, string>): Promise<Json> {
  const init: RequestInit = {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(LONGEST),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  };
  if (form) Object.assign(init, { method: "POST", body: new URLSearchParams(form) });
  const response = await fetch(url, init).catch((error) => {
    throw new Unreachable(`${url.host}, where people sign in, can’t be reached.`, { cause: error });
  });
  const answer = (await response.json().catch(() => null)) as Json | null;
  if (!response.ok || answer === null) throw refused(url.href, answer ?? {}, response.status);
  return answer;
}

/** Read an error of RFC 6749 (4.1.2.1, 5.2). */
function refused(address: string, answer: Json, status?: number): SignInFailed {
  const said = [answer["error"], answer["error_description"]].filter((text) => text !== undefined);
  const why = said.join(": ") || `status ${status ?? "unknown"}`;
  return new SignInFailed(`${host(address)} did not let you in (${why.slice(0, 300)}).`);
}

interface Expected {
  readonly issuer: string;
  readonly client_id: string;
  readonly nonce: string | undefined;
}

/** Check that an ID token is meant for us, and for this very sign-in (Core, 3.1.3.7 and 12.2). */
function checkClaims(token: unknown, { issuer, client_id, nonce }: Expected): void {
  const claims = readClaims(token);
  const isOurs = claims["iss"] === issuer && [claims["aud"]].flat().includes(client_id);
  if (!isOurs || (nonce !== undefined && claims["nonce"] !== nonce))
    throw new SignInFailed(`${host(issuer)} gave a token that is not for this sign-in: not taken.`);
}

function readClaims(token: unknown): Json {
  try {
    const part = String(token).split(".")[1] ?? "";
    const binary = atob(part.replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(binary, (byte) => byte.charCodeAt(0));
    return (JSON.parse(new TextDecoder().decode(bytes)) as Json | null) ?? {};
  } catch {
    return {};
  }
}

/** 256 random bits: RFC 7636 (4.1) wants 43 characters at least. */
function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challenge(verifier: string): Promise<string> {
  // Browsers withhold it from pages on plain http.
  if (crypto.subtle === undefined) throw new SignInFailed("Signing in needs a page with https.");
  return base64url(
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
  );
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

function host(address: string): string {
  return new URL(address).host;
}
