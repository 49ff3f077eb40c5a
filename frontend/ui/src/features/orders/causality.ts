/** The causal timeline: what each event came of, how long after it, and where to draw it. */

import { SERVICES, type TimelineEvent } from "../../lib/types";

const COMPENSATIONS: ReadonlySet<string> = new Set([
  "InventoryReleased",
  "PaymentVoided",
  "PaymentRefunded",
  "ShipmentCancelled",
  "OrderCancellationRequested",
  "OrderCancelled",
]);
const FAILURES: ReadonlySet<string> = new Set([
  "InventoryReservationFailed",
  "PaymentFailed",
  "PaymentCaptureFailed",
  "ShippingFailed",
  "ShipmentCancellationRejected",
]);

export type Hop = {
  event: TimelineEvent;
  lane: number; // of its service
  cause: { row: number; event: TimelineEvent } | null;
  /** The cause is what is known to come before: its own is inside of a service, as an answer of the gateway is. */
  isInferred: boolean;
  seconds: number | null; // since its cause
  sinceStart: number;
  kind: "step" | "compensation" | "failure";
};

// What the outside world's answers, which are no public events, were asked because of: the last of these that there is.
const ASKED_BY: Record<string, readonly string[]> = {
  PaymentAuthorized: ["InventoryReserved", "OrderCreated"],
  PaymentFailed: ["InventoryReserved", "OrderCreated"],
  PaymentCaptured: ["PaymentCaptureFailed", "OrderShipped"],
  PaymentCaptureFailed: ["OrderShipped"],
  PaymentVoided: ["ShipmentCancelled", "ShippingFailed"],
  PaymentRefunded: ["OrderCompleted", "PaymentCaptured"],
  OrderShipped: ["ShipmentCreated"],
  ShippingFailed: ["ShipmentCreated"],
  ShipmentDelivered: ["OrderShipped"],
};

/** A row for each event, each after its cause, as the API orders them. */
export function hops(events: readonly TimelineEvent[]): Hop[] {
  const rows = new Map(events.map((event, row) => [event.eventId, row]));
  const start = Math.min(...events.map((event) => Date.parse(event.timestamp)));
  return events.map((event, row) => {
    const known = event.causationId === null ? undefined : rows.get(event.causationId);
    const causeRow = known ?? asked(events, row);
    const causing = causeRow === undefined ? undefined : events[causeRow];
    return {
      event,
      lane: Math.max(0, SERVICES.indexOf(event.service)),
      cause: causing && causeRow !== undefined ? { row: causeRow, event: causing } : null,
      isInferred: known === undefined && causing !== undefined,
      seconds: causing ? (Date.parse(event.timestamp) - Date.parse(causing.timestamp)) / 1000 : null,
      sinceStart: (Date.parse(event.timestamp) - start) / 1000,
      kind: COMPENSATIONS.has(event.eventType) ? "compensation" : FAILURES.has(event.eventType) ? "failure" : "step",
    };
  });
}

function asked(events: readonly TimelineEvent[], row: number): number | undefined {
  const types = ASKED_BY[events[row]?.eventType ?? ""] ?? [];
  for (const type of types) {
    const found = events.findIndex((event, index) => index < row && event.eventType === type);
    if (found >= 0) return found;
  }
  return undefined;
}
