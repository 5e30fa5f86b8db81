/** What `onecopy report --html` writes into the page; `src/onecopy/report/page.py` makes it. */

export interface Amount {
  readonly objects: number;
  readonly bytes: number;
  /** US dollars per month. */
  readonly usd: number;
}

export type Kind = "proved" | "likely";

/** A part of a division, such as a file type. */
export interface Part {
  readonly name: string;
  readonly proved: Amount;
  readonly likely: Amount;
}

export interface Parts {
  readonly first: readonly Part[];
  /** The number of parts that are only in `others`, their sum. */
  readonly more: number;
  readonly others: Part | null;
}

export interface Folder extends Part {
  readonly children: readonly Folder[];
}

export interface StorageClass extends Amount {
  readonly name: string;
  /** US dollars per GB and month. */
  readonly price: number;
}

export interface Group {
  readonly kind: Kind;
  readonly tenant: string;
  readonly evidence: string;
  /** Bytes of one object. */
  readonly size: number;
  readonly objects: number;
  readonly wasted: number;
  /** The first keys, as people read them. */
  readonly keys: readonly string[];
  /** When the first object was stored, in seconds since 1970. */
  readonly oldest: number;
}

export interface Totals {
  readonly stored: Amount;
  readonly proved: Amount;
  readonly likely: Amount;
  readonly groups: number;
  readonly likelyGroups: number;
  readonly inTrash: number;
  /** Bytes that a scan has to read until all is certain. */
  readonly toRead: number;
}

/** The copies that were placed on request; all other figures include them. */
export interface Placed {
  readonly objects: number;
  readonly bytes: number;
}

export interface Avoided {
  /** Start of the month in seconds since 1970, UTC. */
  readonly time: number;
  readonly files: number;
  readonly bytes: number;
}

export interface Kept {
  /** When the report was made, in seconds since 1970. */
  readonly time: number;
  readonly bytes: number;
  readonly wasted: number;
  readonly likely: number;
}

export interface Data {
  readonly made: number;
  readonly version: string;
  readonly store: string;
  readonly totals: Totals;
  readonly folders: Folder;
  readonly types: Parts;
  readonly ages: Parts;
  readonly classes: readonly StorageClass[];
  readonly byClass: Parts;
  readonly tenants: Parts;
  /** Those that waste most, of both kinds. */
  readonly groups: readonly Group[];
  readonly placed: Placed;
  readonly avoided: readonly Avoided[];
  readonly history: readonly Kept[];
  /** Where the prices come from. */
  readonly prices: string;
}
