import { expect, it } from "vitest";

import type { ServiceName, TimelineEvent } from "../../lib/types";
import { hops } from "./causality";

function event(eventType: string, service: ServiceName, milliseconds: number, causationId: string | null = null): TimelineEvent {
  const timestamp = new Date(1_700_000_000_000 + milliseconds).toISOString();
  return { eventId: `id-${eventType}`, eventType, service, timestamp, seenAt: timestamp, causationId };
}

const REFUSED = [
  event("OrderCreated", "orders", 0, "command"),
  event("InventoryReserved", "inventory", 25, "id-OrderCreated"),
  event("PaymentFailed", "payments", 125, "answer"),
  event("InventoryReleased", "inventory", 150, "id-PaymentFailed"),
  event("OrderCancelled", "orders", 180, "id-InventoryReleased"),
];

it("measures each hop from its cause", () => {
  expect(hops(REFUSED).map(({ cause, seconds }) => [cause?.row, seconds])).toEqual([
    [undefined, null],
    [0, 0.025],
    [1, 0.1],
    [2, 0.025],
    [3, 0.03],
  ]);
});

it("says where a cause is inferred because the gateway's answer is no public event", () => {
  expect(hops(REFUSED).map(({ isInferred }) => isInferred)).toEqual([false, false, true, false, false]);
});

it("marks what failed and what was undone", () => {
  expect(hops(REFUSED).map(({ kind }) => kind)).toEqual(["step", "step", "failure", "compensation", "compensation"]);
});

it("gives each service its lane and counts from the start", () => {
  expect(hops(REFUSED).map(({ lane, sinceStart }) => [lane, sinceStart])).toEqual([[0, 0], [1, 0.025], [2, 0.125], [1, 0.15], [0, 0.18]]);
});

it("does not fail on nothing, or on a service that it does not know", () => {
  expect(hops([])).toEqual([]);
  expect(hops([event("Strange", "returns" as ServiceName, 0)])[0]?.lane).toBe(0);
});
