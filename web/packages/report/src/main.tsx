import { render } from "preact";
import { App } from "./app.tsx";
import type { Data } from "./data.ts";
import "./style.css";

const text = document.getElementById("data")?.textContent ?? "{}";
const page = document.getElementById("page");
if (page) render(<App data={JSON.parse(text) as Data} />, page);
