/** Entry point of the hashing workers. */

import type { ToWorker } from "./messages.ts";
import { serve } from "./serve.ts";

declare const self: DedicatedWorkerGlobalScope;

const receive = serve((message, transfer) => self.postMessage(message, transfer));
self.onmessage = ({ data }: MessageEvent<ToWorker>) => receive(data);
