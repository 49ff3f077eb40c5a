/** What all pages share: their heading, and how they say that there is nothing, not yet, or an error. */

import { type ReactNode, useEffect, useRef } from "react";

import { Problem } from "../lib/http";

let isFirst = true; // page since the document was loaded

/** A page. After a navigation its heading has the focus, so that a screen reader says where one is. */
export function Page({ title, heading, aside, children }: { title: string; heading?: ReactNode; aside?: ReactNode; children: ReactNode }) {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Order pipeline`;
    if (!isFirst) ref.current?.focus();
    isFirst = false;
  }, [title]);
  return (
    <>
      <div className="page-head">
        <h1 ref={ref} tabIndex={-1}>
          {heading ?? title}
        </h1>
        {aside}
      </div>
      {children}
    </>
  );
}

export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="note" role="status">
      Loading {what}…
    </p>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="note">{children}</p>;
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div className="alert" role="alert">
      <p>{said(error)}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What to tell a person of an error. */
export function said(error: unknown): string {
  if (error instanceof Problem) return error.message;
  return error instanceof Error ? error.message : String(error);
}
