/**
 * OpenID Connect issuer, as a public client uses it: the authorization code flow with PKCE.
 *
 * OpenID Connect Core 1.0 (3.1), Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (`iss` in the answer). ID
 * tokens come from the issuer itself over TLS, so only their claims are checked here; the service
 * checks their signature (Core, 3.1.3.7, 6). Written out rather than taken from oauth4webapi, which
 * would nearly double the size of the page.
 */

import type { SignIn } from "./documents.ts";
import { SignInFailed, Unreachable } from "./errors.ts";

/** A sign-in that has begun, to be kept until the user returns from the issuer. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** The tokens from a sign-in. */
export interface Tokens {
  /** The token that the service accepts. */
  readonly bearer: string;
  /** The refresh token, from which new tokens are obtained; null if the issuer returned none. */
  readonly refresh: string | null;
}

type Json = Readonly<Record<string, unknown>>;

const REQUEST_TIMEOUT_MS = 20_000;
const LOOPBACK_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Issuer at which users sign in. Methods throw SignInFailed, and Unreachable without an answer. */
export class Issuer {
  readonly #config: SignIn;
  readonly #metadata: Json;

  private constructor(config: SignIn, metadata: Json) {
    this.#config = config;
    this.#metadata = metadata;
  }

  /** Return the issuer after reading its metadata (Discovery 1.0). */
  static async discover(config: SignIn): Promise<Issuer> {
    const address = `${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const metadata = await request(secureUrl(address));
    if (metadata["issuer"] !== config.issuer)
      throw new SignInFailed(
        `${host(config.issuer)} reports a different issuer than this service is configured for. ` +
          "Ask the administrator to check the issuer’s address.",
      );
    return new Issuer(config, metadata);
  }

  /** Return the URL at which the user signs in, and what to keep until they return to `back`. */
  async begin(back: string): Promise<{ readonly url: string; readonly pending: PendingSignIn }> {
    const pending = { state: randomText(), nonce: randomText(), verifier: randomText() };
    const { client_id, scopes, audience } = this.#config;
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

  /** Exchange the code in the issuer's answer, which must belong to `pending`, for tokens. */
  async finish(
    answer: URLSearchParams,
    pending: PendingSignIn | null,
    back: string,
  ): Promise<Tokens> {
    const iss = answer.get("iss");
    if (pending === null || answer.get("state") !== pending.state)
      throw new SignInFailed("The sign-in was not started by this page. Sign in again.");
    if (iss !== null && iss !== this.#config.issuer)
      throw new SignInFailed("The answer to the sign-in came from another issuer. Sign in again.");
    const code = answer.get("code");
    if (code === null) throw refusal(this.#config.issuer, Object.fromEntries(answer));
    return await this.#requestTokens(
      {
        grant_type: "authorization_code",
        code,
        redirect_uri: back,
        code_verifier: pending.verifier,
      },
      pending.nonce,
    );
  }

  /** Exchange a refresh token for new tokens, without the user. */
  async renew(refresh: string): Promise<Tokens> {
    const form = { grant_type: "refresh_token", refresh_token: refresh };
    const tokens = await this.#requestTokens(form);
    return { ...tokens, refresh: tokens.refresh ?? refresh };
  }

  /** Return the URL that signs the user out; null if the issuer has none. */
  signOutUrl(back: string): string | null {
    if (typeof this.#metadata["end_session_endpoint"] !== "string") return null;
    const { client_id } = this.#config;
    // Cognito calls it logout_uri; issuers ignore what they don't know.
    const query = { client_id, post_logout_redirect_uri: back, logout_uri: back };
    return this.#endpoint("end_session_endpoint", query).href;
  }

  async #requestTokens(form: Record<string, string>, nonce?: string): Promise<Tokens> {
    const { issuer, client_id, audience } = this.#config;
    const found = await request(this.#endpoint("token_endpoint"), { ...form, client_id });
    if (nonce !== undefined || found["id_token"] !== undefined)
      checkClaims(found["id_token"], { issuer, client_id, nonce });
    const bearer = audience === undefined ? found["id_token"] : found["access_token"];
    if (typeof bearer !== "string")
      throw new SignInFailed(`${host(issuer)} returned no token. Sign in again.`);
    const refresh = found["refresh_token"];
    return { bearer, refresh: typeof refresh === "string" ? refresh : null };
  }

  #endpoint(name: string, query: Record<string, string> = {}): URL {
    const url = secureUrl(String(this.#metadata[name]));
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    return url;
  }
}

/** Return a URL to which secrets may be sent: with TLS, or on this machine. */
function secureUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  const isLocal = url?.protocol === "http:" && LOOPBACK_HOSTS.has(url.hostname);
  if (url === null || (url.protocol !== "https:" && !isLocal))
    throw new SignInFailed(
      `The sign-in address ${address} does not use https. Ask the administrator to correct it.`,
    );
  return url;
}

async function request(url: URL, form?: Record<string, string>): Promise<Json> {
  const init: RequestInit = {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  };
  if (form) Object.assign(init, { method: "POST", body: new URLSearchParams(form) });
  const response = await fetch(url, init).catch((error) => {
    throw new Unreachable(
      `The sign-in server ${url.host} can’t be reached. Check your network, then try again.`,
      { cause: error },
    );
  });
  const answer = (await response.json().catch(() => null)) as Json | null;
  if (!response.ok || answer === null) throw refusal(url.href, answer ?? {}, response.status);
  return answer;
}

/** Return the error that an answer describes (RFC 6749, 4.1.2.1 and 5.2). */
function refusal(address: string, answer: Json, status?: number): SignInFailed {
  const texts = [answer["error"], answer["error_description"]].filter((text) => text !== undefined);
  const why = texts.join(": ") || `status ${status ?? "unknown"}`;
  return new SignInFailed(
    `${host(address)} did not sign you in (${why.slice(0, 300)}). Try again.`,
  );
}

interface Expected {
  readonly issuer: string;
  readonly client_id: string;
  readonly nonce: string | undefined;
}

/** Check that an ID token is for this client and this sign-in (Core, 3.1.3.7 and 12.2). */
function checkClaims(token: unknown, { issuer, client_id, nonce }: Expected): void {
  const claims = readClaims(token);
  const isForUs = claims["iss"] === issuer && [claims["aud"]].flat().includes(client_id);
  if (!isForUs || (nonce !== undefined && claims["nonce"] !== nonce))
    throw new SignInFailed(
      `${host(issuer)} returned a token that is not for this sign-in. Sign in again.`,
    );
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

/** Return 256 random bits as 43 characters, the minimum of RFC 7636 (4.1). */
function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challenge(verifier: string): Promise<string> {
  // Browsers withhold WebCrypto from pages on plain http.
  if (crypto.subtle === undefined)
    throw new SignInFailed("Signing in requires https. Open this page with https.");
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
