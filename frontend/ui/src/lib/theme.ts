/** Light, dark, or as the system has it; kept for the next visit. */

import { Observable } from "./observable";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const stored = localStorage.getItem("theme");
export const theme = new Observable<Theme>(stored === "light" || stored === "dark" ? stored : "auto");

export function choose(next: Theme): void {
  localStorage.setItem("theme", next);
  document.documentElement.dataset["theme"] = next;
  theme.set(next);
}

document.documentElement.dataset["theme"] = theme.state;
