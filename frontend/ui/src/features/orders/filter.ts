import type { LiveOrder } from "../../lib/types";

/** The orders that are in a status, if one is given, and have each word of the text somewhere in them. */
export function wanted(orders: readonly LiveOrder[], { status, text }: { status: string; text: string }): readonly LiveOrder[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!status && !words.length) return orders;
  return orders.filter((order) => {
    if (status && order.status !== status) return false;
    if (!words.length) return true;
    const all = textOf(order);
    return words.every((word) => all.includes(word));
  });
}

function textOf(order: LiveOrder): string {
  const skus = order.items.map((item) => item.sku);
  const rest = [order.trackingNumber, order.cancellationReason, order.failure, order.needsAttention];
  return [order.orderId, ...skus, ...rest].join("\n").toLowerCase();
}
