/** The public interface of the package `@onecopy/client`: what its README describes. */

export { FileUnreadable } from "./digest/read.ts";
export { Onecopy, type Options } from "./files/onecopy.ts";
export type {
  Answer,
  FileOptions,
  PlaceOptions,
  Progress,
  UploadOptions,
} from "./files/options.ts";
export { Client, type Options as ClientOptions } from "./protocol/client.ts";
export type { Config, Copy, Verdict } from "./protocol/documents.ts";
export { Problem, ServiceError, Unreachable } from "./protocol/errors.ts";
export { InvalidKey } from "./protocol/key.ts";
export { Paused } from "./upload/paused.ts";
