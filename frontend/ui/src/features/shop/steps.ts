/** An order's way as steps: which of them it has taken, and how long after its start. */

import type { Status, TimelineEvent } from "../../lib/types";

export type Step = { status: Status; is: "done" | "now" | "ahead" | "never"; seconds: number | null };

const WAY: readonly Status[] = ["PENDING", "RESERVED", "PAID", "SHIPPED", "COMPLETED"];
// The facts with which an order gets there; the last of them counts.
const REACHED: Partial<Record<Status, readonly string[]>> = {
  PENDING: ["OrderCreated"],
  RESERVED: ["InventoryReserved"],
  PAID: ["PaymentAuthorized"],
  SHIPPED: ["OrderShipped"],
  COMPLETED: ["OrderCompleted"],
  DELIVERED: ["ShipmentDelivered"],
  CANCELLED: ["OrderCancelled"],
};

export function stepsOf(status: Status, events: readonly TimelineEvent[]): Step[] {
  const start = events.find((event) => event.eventType === "OrderCreated");
  const at = (step: Status): number | null => {
    const event = events.findLast((each) => REACHED[step]?.includes(each.eventType));
    return event && start ? (Date.parse(event.timestamp) - Date.parse(start.timestamp)) / 1000 : null;
  };
  const isOff = status === "CANCELLING" || status === "CANCELLED";
  if (!isOff) {
    const way = status === "DELIVERED" ? [...WAY, "DELIVERED" as const] : WAY;
    const place = way.indexOf(status);
    const isEnded = status === "COMPLETED" || status === "DELIVERED";
    return way.map((step, index) => ({
      status: step,
      is: index < place || (index === place && isEnded) ? "done" : index === place ? "now" : "ahead",
      seconds: index <= place ? at(step) : null,
    }));
  }
  const taken = WAY.slice(0, -1).map((step): Step => ({ status: step, is: at(step) === null ? "never" : "done", seconds: at(step) }));
  return [...taken, { status, is: status === "CANCELLED" ? "done" : "now", seconds: at(status) }];
}
