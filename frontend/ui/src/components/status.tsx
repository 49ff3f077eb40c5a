import type { Status as OrderStatus } from "../lib/types";

const TONE: Record<OrderStatus, string> = {
  PENDING: "going",
  RESERVED: "going",
  PAID: "going",
  SHIPPED: "going",
  COMPLETED: "good",
  DELIVERED: "good",
  CANCELLING: "warn",
  CANCELLED: "off",
};

/** An order's status: its word, and a colour that says no more than the word. */
export function Status({ of }: { of: OrderStatus }) {
  return <span className={`pill ${TONE[of]}`}>{of}</span>;
}
