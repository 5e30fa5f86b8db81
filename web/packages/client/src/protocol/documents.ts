/** The JSON documents of the HTTP API, as `onecopy.documents` defines them. */

/** The service's decision about a content. */
export type Verdict = "new" | "duplicate" | "unconfirmed";

/** One stored object that holds a content. */
export interface Copy {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** The object's time in the store. Like all times here in RFC 3339. */
  readonly stored_at: string;
  readonly recorded_at: string;
  readonly url?: string;
  readonly digests?: readonly string[];
  /** The name of S3's storage class, as recorded; absent for STANDARD and in other stores. */
  readonly storage_class?: string;
}

/** A request that sends the bytes of one part to the store. */
export interface Send {
  /** Number of the part, from 1. */
  readonly number: number;
  readonly method: string;
  /** Absolute, or relative to the service's root. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The result for one file, as described at `onecopy.gate.Answer`. `reason` is a stable code,
 * `message` is for people.
 */
export interface Result {
  readonly verdict: Verdict;
  readonly copy?: Copy;
  readonly reason?: string;
  readonly message?: string;
  readonly ticket?: string;
  readonly send?: Send;
  /**
   * With `new`: at least this number of stored copies may have the content, and were not examined
   * because that would cost more than storing it once more.
   */
  readonly unexamined?: number;
  /** For `confirming` and `placing`: the bytes of a stored copy that have been read. Ask again. */
  readonly bytes_read?: number;
}

/** A content to check: its size in bytes, and its digests as `scheme:hex`. */
export interface Content {
  readonly size: number;
  readonly digests: readonly string[];
}

/**
 * An upload to begin. `digests` must include the content digest below 8 MiB, and from 8 MiB if a
 * known content has the same size.
 */
export interface Upload {
  readonly key: string;
  readonly size: number;
  readonly digests?: readonly string[];
  readonly content_type?: string;
  /** Store it even if the content is already stored. */
  readonly anyway?: boolean;
  /** Find out in any case whether the key is taken, before the bytes are sent. */
  readonly check_key?: boolean;
}

/** A part: its number from 1, and its SHA-256 as hex. */
export interface PartDigest {
  readonly number: number;
  readonly sha256: string;
}

/** A stored part; its SHA-256 is empty if the bucket does not report it. */
export interface StoredPart extends PartDigest {
  readonly size: number;
}

/**
 * An upload whose bytes were all sent. With the SHA-256 of every part, the service can answer again
 * if its first answer was lost.
 */
export interface Finish {
  readonly ticket: string;
  readonly parts?: readonly string[];
  /** MD5 of the whole file in hex, if the features have `md5`; only the checksum API uses it. */
  readonly md5?: string;
}

/** A stored content to copy to another key. */
export interface Place {
  readonly key: string;
  readonly size: number;
  /** The content digest. */
  readonly digest: string;
  readonly content_type?: string;
}

/** The files of a run that were not sent because their contents were already stored. */
export interface Avoided {
  /** At most a million. */
  readonly files: number;
  readonly bytes: number;
  /** Bytes of the largest of them. */
  readonly largest: number;
}

/** The stored parts of an upload, and a renewed ticket. */
export interface Status {
  readonly ticket: string;
  readonly parts: readonly StoredPart[];
}

/** Where users sign in: an OpenID Connect issuer, and the page's client there. */
export interface SignIn {
  readonly issuer: string;
  readonly client_id: string;
  /** Separated by spaces. */
  readonly scopes: string;
  /** The API for which an access token is requested; without it, the ID token is used. */
  readonly audience?: string;
}

/** Configuration of the service, as a client needs it. */
export interface Config {
  readonly version: string;
  /** Whose uploads these are. */
  readonly tenant: string;
  /** A folder has no `url` unless the operator shows its path. */
  readonly store: { readonly kind: string; readonly url?: string; readonly name?: string };
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
  /** Any of `upload`, `batch`, `link`, `place`, `checksum-api`, and `md5`: state it on completion. */
  readonly features: readonly string[];
  /** Patterns of keys in trash and snapshots, in the syntax of .gitignore. */
  readonly trash: readonly string[];
}

/** The duplicates in a folder, of a type or of an age. */
export interface Share {
  readonly name: string;
  readonly duplicates: number;
  readonly wasted_bytes: number;
}

/** Duplicates of one kind: all proved, or all likely. */
export interface Duplicates {
  /** Contents that are stored in several objects. */
  readonly groups: number;
  /** Objects beyond the first one of each content. */
  readonly duplicates: number;
  readonly wasted_bytes: number;
  /** US dollars. */
  readonly wasted_per_month: number;
  /** Folders with all that is below them, parents before children; the name of the root is empty. */
  readonly folders: readonly Share[];
  /** By extension, such as `.jpg`; empty: without one; `*`: all others. */
  readonly types: readonly Share[];
  /** By the time since the duplicates were stored, such as `1 to 3 years`, the youngest first. */
  readonly ages: readonly Share[];
}

/** What is stored twice. Without `as_of`, it is being counted for the first time: ask again. */
export interface DuplicatesSummary {
  /** Whether newer figures are being counted. */
  readonly counting?: boolean;
  readonly as_of?: string;
  /** Whether `proved` is of a part of the contents only, since all are counted the first time. */
  readonly partial?: boolean;
  /** Recorded copies, and objects that are only listed, as soon as these are counted. */
  readonly files?: number;
  readonly bytes?: number;
  readonly proved?: Duplicates;
  /** Objects that share only weak evidence, such as an ETag; absent until they are counted. */
  readonly likely?: Duplicates;
}

/** Whether objects have the same content, or are only likely to. */
export type DuplicateKind = "proved" | "likely";

/** An object of a group. It can be opened unless it is only known from a listing. */
export interface GroupCopy {
  readonly key: string;
  readonly stored_at: string;
  readonly listed?: boolean;
  /** Absent for STANDARD. */
  readonly storage_class?: string;
}

/** Objects that have, or are likely to have, the same content; some of them in `copies`. */
export interface DuplicateGroup {
  /** The content digest, or the evidence that the objects share. */
  readonly shared: string;
  readonly size: number;
  readonly objects: number;
  readonly wasted_bytes: number;
  readonly wasted_per_month: number;
  readonly copies: readonly GroupCopy[];
}

/** The groups that waste most, and the position after which the next ones come. */
export interface DuplicateGroups {
  readonly groups: readonly DuplicateGroup[];
  readonly next?: string;
}

/** What was uploaded, and what was not because its contents were already stored. */
export interface Counts {
  readonly uploaded_files: number;
  readonly uploaded_bytes: number;
  readonly avoided_files: number;
  readonly avoided_bytes: number;
  /** US dollars that storing the avoided bytes would cost in a month. */
  readonly saved_per_month: number;
}

/** What happened in the caller's tenant. Days and months are those of UTC, in order. */
export interface Activity {
  /** The last 92 days on which something was counted, such as `2026-03-12`. */
  readonly days: readonly (Counts & { readonly day: string })[];
  /** All months in which something was counted, such as `2026-03`; with the days above. */
  readonly months: readonly (Counts & { readonly month: string })[];
  /** Since counting began. */
  readonly total: Counts;
}
