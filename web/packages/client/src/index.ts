/**
 * onecopy's client for browsers: hash files, check whether they are stored, upload the new ones.
 *
 * Four layers, each of which imports only those before it: `digest` (what identifies a content),
 * `protocol` (the HTTP API), `upload` (sending the bytes), `files` (all of it for one file). Within
 * this repository, the page is built from all parts; the package on npm shows only `public.ts`.
 */

export { contentDigest } from "./digest/compose.ts";
export { type FileDigests, Hasher, SMALL_FILE_BYTES } from "./digest/hasher.ts";
export type { HashOptions } from "./digest/pieces.ts";
export { FileUnreadable } from "./digest/read.ts";
export {
  contentScheme,
  formatScheme,
  moreSchemes,
  parseSchemes,
  SMALLEST_PART,
} from "./digest/scheme.ts";
export { Onecopy, type Options } from "./files/onecopy.ts";
export type {
  Answer,
  FileOptions,
  PlaceOptions,
  Progress,
  UploadOptions,
} from "./files/options.ts";
export { Limiter } from "./limiter.ts";
export { Observable, type Subscribe } from "./observable.ts";
export { Client } from "./protocol/client.ts";
export type {
  Activity,
  Avoided,
  Config,
  Content,
  Copy,
  Counts,
  DuplicateGroup,
  DuplicateGroups,
  DuplicateKind,
  Duplicates,
  DuplicatesSummary,
  GroupCopy,
  Place,
  Result,
  Share,
  SignIn,
  Verdict,
} from "./protocol/documents.ts";
export { Problem, ServiceError, Unreachable } from "./protocol/errors.ts";
export { Issuer, type PendingSignIn, type Tokens } from "./protocol/issuer.ts";
export {
  checkKey,
  InvalidKey,
  LONGEST_KEY,
  normalisationDiffers,
  renamed,
} from "./protocol/key.ts";
export { matcher } from "./protocol/patterns.ts";
export { isReachable } from "./protocol/reachable.ts";
export { abortable, backoff, type RetryPolicy, retryDelay, sleep } from "./protocol/retry.ts";
export { avoidedReports } from "./upload/avoided.ts";
export { Batch } from "./upload/batch.ts";
export { type ConfirmingOptions, untilConfirmed } from "./upload/confirming.ts";
export { InFlight, type Turn } from "./upload/in-flight.ts";
export { Paused } from "./upload/paused.ts";
export type { Network } from "./upload/sender.ts";
export { Transfers } from "./upload/transfer.ts";
export { Unfinished } from "./upload/unfinished.ts";
