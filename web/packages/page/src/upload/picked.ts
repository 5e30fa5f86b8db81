/** A chosen file. */
export interface Picked {
  /** Names, beginning with the chosen file or folder. */
  readonly path: readonly string[];
  /** Null if it can't be read. */
  readonly file: File | null;
}

/** Chosen files, in groups as they are listed. */
export type Groups = Iterable<readonly Picked[]> | AsyncIterable<readonly Picked[]>;
