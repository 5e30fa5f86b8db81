/** The curves in the report of `onecopy bench`. */

import { type Curve, Curves } from "@onecopy/charts/curves.tsx";
import { render } from "preact";
import "@onecopy/charts/charts.css";

for (const place of document.querySelectorAll<HTMLElement>("[data-curves]")) {
  const curves = JSON.parse(place.dataset["curves"] ?? "[]") as Curve[];
  render(<Curves label={place.dataset["label"] ?? ""} curves={curves} />, place);
}
