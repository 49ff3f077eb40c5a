import type { ReactNode } from "react";
import { NavLink } from "react-router";

import { LinkState, StaleNotice } from "../components/link-state";
import { session } from "../lib/api";
import { useObservable } from "../lib/observable";
import type { User } from "../lib/session";
import { choose, THEMES, type Theme, theme } from "../lib/theme";

const PAGES = [
  { to: "/", title: "Pipeline", scope: "pipeline:read" },
  { to: "/orders", title: "Orders" },
  { to: "/dead-letters", title: "Dead letters", scope: "dead-letters:read" },
  { to: "/shop", title: "Shop" },
];

export function Shell({ user, children }: { user: User; children: ReactNode }) {
  const pages = PAGES.filter(({ scope }) => !scope || user.scopes.has(scope));
  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header className="bar">
        <span className="brand" aria-hidden="true">
          Order pipeline
        </span>
        <nav aria-label="Pages">
          <ul>
            {pages.map(({ to, title }) => (
              <li key={to}>
                <NavLink to={to} end={to === "/"}>
                  {title}
                </NavLink>
              </li>
            ))}
          </ul>
        </nav>
        <div className="bar-end">
          <LinkState />
          <ThemeChoice />
          {user.isStaff && (
            <a href="/admin/" className="wide-only">
              Back office
            </a>
          )}
          <span className="who">{user.username}</span>
          <button type="button" className="quiet" onClick={() => void session.signOut()}>
            Sign out
          </button>
        </div>
      </header>
      <StaleNotice />
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

export function ThemeChoice() {
  const chosen = useObservable(theme);
  return (
    <label className="inline">
      <span className="unseen">Colours</span>
      <select value={chosen} onChange={(event) => choose(event.target.value as Theme)}>
        {THEMES.map((each) => (
          <option key={each} value={each}>
            {{ auto: "System", light: "Light", dark: "Dark" }[each]}
          </option>
        ))}
      </select>
    </label>
  );
}
