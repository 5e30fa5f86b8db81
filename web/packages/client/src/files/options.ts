/** Options and answers of the calls for one file. */

import type { Result } from "../protocol/documents.ts";

/** How far a file is. Within a step, `bytes` grows to the size of the file. */
export interface Progress {
  /**
   * `hashing` the file; `confirming`: the store reads a copy of the same size; `waiting`: somebody
   * else uploads the same content; `placing`: the store copies the content to another key;
   * `sending`; `completing`, which can't be aborted.
   */
  readonly step: "hashing" | "confirming" | "waiting" | "placing" | "sending" | "completing";
  readonly bytes: number;
}

export interface FileOptions {
  /** Aborts the call, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface UploadOptions extends FileOptions {
  /** The object's name, such as `inbox/rome.jpg`. Default: the name of the file. */
  readonly key?: string;
  /** Upload the file even if its content is already stored. */
  readonly anyway?: boolean;
}

export interface PlaceOptions extends FileOptions {
  /** The name of the new copy. Default: the name of the file. */
  readonly key?: string;
}

/**
 * What is known of a file, or was done with it. `copy` is the stored copy: with `duplicate` the one
 * that was found, with `new` the one that was uploaded. `reason` is a stable code, `message` is for
 * people.
 */
export type Answer = Pick<Result, "verdict" | "copy" | "reason" | "message" | "unexamined">;

/** Return the answer in a result of the service, without what only this client needs. */
export function answerIn({ verdict, copy, reason, message, unexamined }: Result): Answer {
  return {
    verdict,
    ...(copy && { copy }),
    ...(reason && { reason }),
    ...(message && { message }),
    ...(unexamined && { unexamined }),
  };
}
