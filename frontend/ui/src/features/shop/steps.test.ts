import { expect, it } from "vitest";

import type { TimelineEvent } from "../../lib/types";
import { stepsOf } from "./steps";

function event(eventType: string, milliseconds: number): TimelineEvent {
  const timestamp = new Date(1_700_000_000_000 + milliseconds).toISOString();
  return { eventId: eventType, eventType, service: "orders", timestamp, seenAt: timestamp, causationId: null };
}

const brief = (steps: ReturnType<typeof stepsOf>) => steps.map(({ status, is, seconds }) => `${status} ${is} ${seconds}`);

it("shows where an order is, and when it took each step before", () => {
  const events = [event("OrderCreated", 0), event("InventoryReserved", 20), event("PaymentAuthorized", 50)];
  expect(brief(stepsOf("PAID", events))).toEqual([
    "PENDING done 0",
    "RESERVED done 0.02",
    "PAID now 0.05",
    "SHIPPED ahead null",
    "COMPLETED ahead null",
  ]);
});

it("has nothing ahead of an order that is completed", () => {
  expect(stepsOf("COMPLETED", []).map((step) => step.is)).toEqual(["done", "done", "done", "done", "done"]);
});

it("shows which steps a cancelled order took, and that it never took the others", () => {
  const events = [event("OrderCreated", 0), event("InventoryReserved", 20), event("PaymentFailed", 30), event("OrderCancelled", 90)];
  expect(brief(stepsOf("CANCELLED", events))).toEqual([
    "PENDING done 0",
    "RESERVED done 0.02",
    "PAID never null",
    "SHIPPED never null",
    "CANCELLED done 0.09",
  ]);
});
