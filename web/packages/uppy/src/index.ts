/** Uploader plugin for Uppy: files are checked when they are added, and only new ones are sent. */

export type { Options, StoredBody } from "./options.ts";
export { OnecopyUploader } from "./uploader.ts";
