/** The figures at a glance, and which of them should trouble somebody. */

import { count, rate, span } from "../../lib/format";
import type { Pipeline } from "../../lib/types";

export type Tone = "calm" | "warn" | "bad" | "unknown";
export type Tile = { label: string; value: string; note: string; tone: Tone; to?: string };

const OLD_OUTBOX = 5; // seconds; a relay that is replaced takes as long
const LATE_OUTBOX = 30;

export function tilesOf(pipeline: Pipeline, time: (at: string) => string): Tile[] {
  return [orders(pipeline), outbox(pipeline), lag(pipeline), breakers(pipeline), deadLetters(pipeline), audit(pipeline, time)];
}

function orders({ orders: { inFlight, placedPerSecond } }: Pipeline): Tile {
  const tone = inFlight === null ? "unknown" : "calm";
  return { label: "In flight", value: count(inFlight), note: `${rate(placedPerSecond)} placed`, tone, to: "/orders" };
}

function outbox({ services }: Pipeline): Tile {
  const oldest = services.reduce((most, each) => ((each.outboxSeconds ?? 0) > (most?.outboxSeconds ?? 0) ? each : most), services[0]);
  const seconds = oldest?.outboxSeconds ?? 0;
  const known = services.flatMap(({ outboxDepth }) => (outboxDepth === null ? [] : [outboxDepth]));
  if (known.length === 0) return { label: "Outbox age", value: "–", note: "not known", tone: "unknown" };
  const depth = known.reduce((sum, each) => sum + each, 0);
  const tone = seconds > LATE_OUTBOX ? "bad" : seconds > OLD_OUTBOX ? "warn" : "calm";
  const note = depth ? `${count(depth)} commits to publish${seconds ? `, oldest of ${oldest?.name}` : ""}` : "all published";
  return { label: "Outbox age", value: span(seconds), note, tone };
}

function lag({ services }: Pipeline): Tile {
  const known = services.flatMap(({ lagMessages }) => (lagMessages === null ? [] : [lagMessages]));
  const total = known.reduce((sum, each) => sum + each, 0);
  const silent = services.filter(({ consumers }) => consumers === 0).map(({ name }) => name);
  const worst = Math.max(0, ...services.map(({ lagSeconds }) => lagSeconds ?? 0));
  if (silent.length) return { label: "Lag", value: known.length ? count(total) : "–", note: `no consumer of ${silent.join(", ")}`, tone: "bad" };
  const tone = known.length === 0 ? "unknown" : worst > LATE_OUTBOX ? "bad" : worst > OLD_OUTBOX ? "warn" : "calm";
  return { label: "Lag", value: known.length ? count(total) : "–", note: known.length ? `messages, ${span(worst)} behind` : "not known", tone };
}

function breakers({ breakers }: Pipeline): Tile {
  const troubled = breakers.filter(({ state }) => state !== "closed");
  const open = troubled.filter(({ state }) => state === "open");
  const note = troubled.length ? troubled.map(({ party, state }) => `${party} ${state}`).join(", ") : breakers.length ? "all closed" : "none known";
  const tone = open.length ? "bad" : troubled.length ? "warn" : breakers.length ? "calm" : "unknown";
  return { label: "Open breakers", value: count(open.length), note, tone };
}

function deadLetters({ services }: Pipeline): Tile {
  const to = "/dead-letters";
  if (services.every((each) => each.deadLetters === null)) return { label: "Dead letters", value: "–", note: "not known", tone: "unknown", to };
  const holding = services.filter((each) => (each.deadLetters ?? 0) > 0);
  const total = holding.reduce((sum, each) => sum + (each.deadLetters ?? 0), 0);
  const note = holding.length ? `of ${holding.map(({ name }) => name).join(", ")}` : "nothing waits for a person";
  return { label: "Dead letters", value: count(total), note, tone: total ? "bad" : "calm", to };
}

function audit({ audit }: Pipeline, time: (at: string) => string): Tile {
  if (!audit) return { label: "Last audit", value: "–", note: "none has run yet", tone: "unknown" };
  const what = `${count(audit.orders)} orders${audit.whole ? "" : ", of some"}`;
  if (audit.violations) return { label: "Last audit", value: `${count(audit.violations)} violations`, note: `${time(audit.at)}, ${what}`, tone: "bad" };
  return { label: "Last audit", value: "Clean", note: `${time(audit.at)}, ${what}`, tone: "calm" };
}
