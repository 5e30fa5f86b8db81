/** Why something could not be loaded, and a button to try again. */

import type { JSX } from "preact";
import { words } from "../words/language.ts";
import { describeLoadError } from "./load-error.ts";

interface Props {
  readonly error: unknown;
  readonly retry: () => void;
}

export function Failed({ error, retry }: Props): JSX.Element {
  return <Banner text={describeLoadError(error)} retry={retry} />;
}

export function Banner({ text, retry }: { text: string; retry: () => void }): JSX.Element {
  return (
    <div class="banner" role="alert">
      <p>{text}</p>
      <button type="button" onClick={retry}>
        {words.common.tryAgain}
      </button>
    </div>
  );
}
