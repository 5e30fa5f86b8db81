/** Why something could not be loaded from the service, and what to do. */

import { ServiceError } from "@onecopy/client";
import { words } from "../words/language.ts";
import { printable } from "./names.ts";

export function describeLoadError(error: unknown): string {
  if (!(error instanceof ServiceError)) return words.common.loadFailed;
  const reason = (error as { reason?: string }).reason ?? "";
  return words.loadErrors[reason] ?? printable(error.message);
}
