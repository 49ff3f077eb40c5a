import { expect, it } from "vitest";

import { type Pipeline, type PipelineService, SERVICES } from "../../lib/types";
import { tilesOf } from "./tiles";

function pipeline(change: Partial<PipelineService> = {}, rest: Partial<Pipeline> = {}): Pipeline {
  const quiet = { consumers: 1, lagMessages: 0, lagSeconds: 0, outboxDepth: 0, outboxSeconds: null, deadLetters: 0, pending: 0, publishedPerSecond: 0 };
  return {
    at: "2026-01-01T00:00:00Z",
    services: SERVICES.map((name) => ({ ...quiet, name, ...(name === "payments" ? change : {}) })),
    breakers: [{ service: "payments", party: "gateway", state: "closed" }],
    relays: [],
    orders: { placedPerSecond: 0, completedPerSecond: 0, cancelledPerSecond: 0, inFlight: 0 },
    latency: { p50: null, p95: null, p99: null, count: 0 },
    audit: { at: "2026-01-01T00:00:00Z", violations: 0, orders: 3, seconds: 1, whole: true },
    sources: { mongo: true, kafka: true, projection: true },
    ...rest,
  };
}

const tone = (of: Pipeline, label: string) => tilesOf(of, (at) => at).find((tile) => tile.label === label)?.tone;

it("is calm where all is well", () => {
  expect(tilesOf(pipeline(), (at) => at).map((tile) => tile.tone)).toEqual(Array(6).fill("calm"));
});

it.each<[string, string, Partial<PipelineService>, Partial<Pipeline>]>([
  ["Outbox age", "warn", { outboxSeconds: 6 }, {}],
  ["Outbox age", "bad", { outboxSeconds: 31 }, {}],
  ["Lag", "bad", { consumers: 0 }, {}],
  ["Lag", "calm", { lagMessages: null, lagSeconds: null }, {}],
  ["Lag", "warn", { lagSeconds: 6, lagMessages: 3 }, {}],
  ["Dead letters", "bad", { deadLetters: 1 }, {}],
  ["Open breakers", "bad", {}, { breakers: [{ service: "payments", party: "gateway", state: "open" }] }],
  ["Open breakers", "warn", {}, { breakers: [{ service: "payments", party: "gateway", state: "half-open" }] }],
  ["Last audit", "bad", {}, { audit: { at: "", violations: 2, orders: 3, seconds: 1, whole: true } }],
  ["Last audit", "unknown", {}, { audit: null }],
])("%s is %s", (label, wanted, change, rest) => {
  expect(tone(pipeline(change, rest), label)).toBe(wanted);
});
