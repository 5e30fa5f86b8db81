/** The JSON documents of the service, as `onecopy.http.documents` defines them. */

/** What the service says of a content. */
export type Verdict = "new" | "duplicate" | "unconfirmed";

/** One stored object that holds a content. */
export interface Copy {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** The object's time in the store; RFC 3339, as are all times here. */
  readonly stored_at: string;
  readonly recorded_at: string;
  readonly url?: string;
  readonly digests?: readonly string[];
}

/** A request that takes the bytes of one part to the store. */
export interface Send {
  /** Of the part, from 1. */
  readonly number: number;
  readonly method: string;
  /** Absolute, or relative to the service's root. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What is said of one file; `onecopy.gate.Answer` tells what each means. `reason` is a stable code,
 * `message` is for people.
 */
export interface Result {
  readonly verdict: Verdict;
  readonly copy?: Copy;
  readonly reason?: string;
  readonly message?: string;
  readonly ticket?: string;
  readonly send?: Send;
}

/** A content that is asked about: its size in bytes, and digests as `scheme:hex`. */
export interface Content {
  readonly size: number;
  readonly digests: readonly string[];
}

/** An upload to begin. Below 8 MiB the content digest must be among the digests. */
export interface Upload {
  readonly key: string;
  readonly size: number;
  readonly digests?: readonly string[];
  readonly content_type?: string;
  /** Store it even if the content is already there. */
  readonly anyway?: boolean;
}

/** A part: number from 1, SHA-256 in hex. */
export interface PartDigest {
  readonly number: number;
  readonly sha256: string;
}

/** A part that the store has; its SHA-256 is empty where a bucket does not state it. */
export interface StoredPart extends PartDigest {
  readonly size: number;
}

/** An upload whose bytes were all sent; with the SHA-256 of every part a lost answer is found. */
export interface Finish {
  readonly ticket: string;
  readonly parts?: readonly string[];
}

/** What the store has of an upload, and a renewed ticket. */
export interface Status {
  readonly ticket: string;
  readonly parts: readonly StoredPart[];
}

/** Where people sign in: an OpenID Connect issuer, and the page's client there. */
export interface SignIn {
  readonly issuer: string;
  readonly client_id: string;
  /** Separated by spaces. */
  readonly scopes: string;
  /** The API that an access token is asked for; without one, the ID token lets in. */
  readonly audience?: string;
}

/** What a client must know. */
export interface Config {
  readonly version: string;
  /** Whose uploads these are. */
  readonly tenant: string;
  readonly store: { readonly kind: string; readonly url?: string };
  readonly limits: {
    readonly sizes: number;
    readonly files: number;
    readonly digests: number;
    readonly parts: number;
    readonly key_bytes: number;
    readonly body_bytes: number;
  };
  /** US dollars per GB (10^9 bytes) and month. */
  readonly price_per_gb_month: number;
  readonly features: readonly string[];
}
