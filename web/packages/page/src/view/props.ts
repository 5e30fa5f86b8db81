/** What the views of the page are given. */

import type { Client, Config, Unfinished } from "@onecopy/client";
import type { Connection } from "../connection.ts";
import type { Session } from "../session.ts";
import type { DigestCache } from "../upload/digest-cache.ts";
import type { RememberedFolders } from "../upload/remembered.ts";
import type { Selection } from "../upload/selection.ts";
import type { Uploader } from "../upload/uploader.ts";

/** The state that the page shows, and the actions behind its buttons. */
export interface Props {
  readonly client: Client;
  readonly uploader: Uploader;
  readonly selection: Selection;
  readonly connection: Connection;
  readonly session: Session;
  readonly unfinished: Unfinished;
  readonly cache: DigestCache;
  readonly folders: RememberedFolders;
  /** Null until the service has answered. */
  readonly config: Config | null;
  /** Why it did not answer. */
  readonly error?: unknown;
}
