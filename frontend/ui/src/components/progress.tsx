import { span } from "../lib/format";

type Step = { status: string; is: "done" | "now" | "ahead" | "never"; seconds: number | null };
const SAID = { done: "done", now: "under way", ahead: "to come", never: "never reached" };

/** Steps in a row, each with its state in words for those who do not see its colour. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    <ol className="steps">
      {steps.map(({ status, is, seconds }) => (
        <li key={status} className={is} aria-current={is === "now" ? "step" : undefined}>
          <span>{status}</span>
          <span className="unseen">, {SAID[is]}</span>
          <small>{seconds === null ? "" : seconds === 0 ? "0 s" : `+${span(seconds)}`}</small>
        </li>
      ))}
    </ol>
  );
}
