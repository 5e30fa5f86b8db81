/** Why something could not be loaded from the service, and what to do. */

import { ServiceError } from "@onecopy/client";
import { words } from "../words/language.ts";
import { printable } from "./names.ts";

/** Return the status in a reason that is that of a proxy's answer; null for others. */
export function gatewayStatus(reason: string | null): string | null {
  return /^http-(\d+)$/.exec(reason ?? "")?.[1] ?? null;
}

export function describeLoadError(error: unknown): string {
  if (!(error instanceof ServiceError)) return words.common.loadFailed;
  const reason = (error as { reason?: string }).reason ?? "";
  const status = gatewayStatus(reason);
  if (status !== null) return words.gateway(status);
  return words.loadErrors[reason] ?? printable(error.message);
}
