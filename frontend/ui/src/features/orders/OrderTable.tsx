import { useVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef } from "react";
import { Link } from "react-router";

import { Status } from "../../components/status";
import { money, short, span, time } from "../../lib/format";
import type { LiveOrder } from "../../lib/types";

const ROW = 36; // pixels, as in the style sheet
const COLUMNS = ["Order", "Status", "Items", "Amount", "Placed", "Took"];

/** Orders as a table of which only the visible rows are in the document. What comes in above does not move them. */
export function OrderTable({ orders }: { orders: readonly LiveOrder[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: orders.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => orders[index]?.orderId ?? index,
    overscan: 12,
  });
  useAnchor(scroller, orders);
  return (
    <div className="table-scroll" ref={scroller} tabIndex={0} role="region" aria-label="Orders, the newest first">
      <div role="table" aria-label="Orders" aria-rowcount={orders.length + 1} className="vtable">
        <div role="rowgroup" className="vhead">
          <div role="row" aria-rowindex={1} className="vrow">
            {COLUMNS.map((column) => (
              <span role="columnheader" key={column}>
                {column}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="vbody" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, key, start }) => {
            const order = orders[index];
            return order && <Row key={key} order={order} index={index} top={start} />;
          })}
        </div>
      </div>
    </div>
  );
}

function Row({ order, index, top }: { order: LiveOrder; index: number; top: number }) {
  const took = (Date.parse(order.updatedAt) - Date.parse(order.createdAt)) / 1000;
  const pieces = order.items.reduce((sum, item) => sum + item.quantity, 0);
  const note = order.needsAttention ?? order.cancellationReason;
  return (
    <div role="row" aria-rowindex={index + 2} className="vrow" style={{ transform: `translateY(${top}px)` }}>
      <span role="cell">
        <Link to={`/orders/${order.orderId}`} title={order.orderId}>
          {short(order.orderId)}
        </Link>
      </span>
      <span role="cell">
        <Status of={order.status} /> {note && <span className={order.needsAttention ? "warn-text" : "muted"}>{note}</span>}
      </span>
      <span role="cell" title={order.items.map((item) => `${item.quantity} × ${item.sku}`).join(", ")}>
        {order.items.length === 1 ? `${pieces} × ${order.items[0]?.sku}` : `${pieces} pieces, ${order.items.length} products`}
      </span>
      <span role="cell" className="number">
        {money(order.totalAmount, order.currency)}
      </span>
      <span role="cell" className="number">
        <time dateTime={order.createdAt}>{time(order.createdAt)}</time>
      </span>
      <span role="cell" className="number">
        {span(took)}
      </span>
    </div>
  );
}

/** Keeps what is looked at in its place while rows come in above it. */
function useAnchor(scroller: React.RefObject<HTMLDivElement | null>, orders: readonly LiveOrder[]) {
  const before = useRef(orders);
  useLayoutEffect(() => {
    const element = scroller.current;
    const first = before.current[0]?.orderId;
    before.current = orders;
    if (!element || element.scrollTop < ROW || first === undefined) return;
    const above = orders.findIndex((order) => order.orderId === first);
    if (above > 0) element.scrollTop += above * ROW;
  }, [orders, scroller]);
}
