/** Options of the plugin, and what it adds to Uppy's documents. */

import type { Answer, Copy, Onecopy } from "@onecopy/client";
import type { Body, Meta, PluginOpts, UppyFile } from "@uppy/core";

export interface Options extends PluginOpts {
  /** The root of the service, such as `https://copies.example.org/`. */
  readonly url?: string | URL;
  /** A token, or a function that gets one; see the README of `@onecopy/client`. */
  readonly token?: string | (() => string | Promise<string>);
  /** A client to use instead of `url` and `token`. */
  readonly client?: Client;
  /** Return the key of a file. Default: the folder that was dropped, if any, and the file's name. */
  readonly key?: (file: UppyFile<Meta, Body>) => string;
  /**
   * Return a link to a stored copy, which Uppy shows. Default: a link of the service, valid for five
   * minutes, for the first 100 duplicates; it needs a token with the scope `read`.
   */
  readonly link?: (copy: Copy) => string | Promise<string>;
}

/** What the plugin uses of a client. */
export type Client = Pick<Onecopy, "check" | "upload" | "link" | "close">;

/** The body of Uppy's `upload-success`: `duplicate` and the copy that was found, or `new`. */
export type StoredBody = Answer & Body;

declare module "@uppy/core" {
  interface UppyEventMap<M extends Meta, B extends Body> {
    /** The answers for files that were added, by file ID; many files in one event. */
    "onecopy-checked": (answers: ReadonlyMap<string, Answer>) => void;
  }
}

export const LOCALE = {
  strings: {
    checking: "Checking what is already stored",
    /** Uppy's Dashboard shows at most 12 characters of it. */
    duplicate: "Duplicate",
    duplicates: {
      0: "%{smart_count} file is already stored and will not be sent",
      1: "%{smart_count} files are already stored and will not be sent",
    },
    remote: "Files of other services can’t be checked: choose files of this device",
  },
};
