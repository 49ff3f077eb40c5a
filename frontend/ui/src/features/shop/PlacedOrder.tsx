import { Link } from "react-router";

import { Steps } from "../../components/progress";
import { Status } from "../../components/status";
import { short } from "../../lib/format";
import { feed } from "../../lib/live";
import { useObservable } from "../../lib/observable";
import { useTimeline } from "../../lib/order-queries";
import type { Status as OrderStatus } from "../../lib/types";
import { stepsOf } from "./steps";

/** An order that was placed on this page, as the live feed moves it. */
export function PlacedOrder({ id }: { id: string }) {
  const { byId } = useObservable(feed.orders);
  const order = byId.get(id);
  const status: OrderStatus = order?.status ?? "PENDING";
  const timeline = useTimeline(id);
  return (
    <li className="placed-order">
      <div className="placed-head">
        <Link to={`/orders/${id}`} title={id}>
          {short(id)}
        </Link>
        <span role="status">
          <Status of={status} /> {order?.cancellationReason && <span className="muted">{order.cancellationReason}</span>}
        </span>
      </div>
      <Steps steps={stepsOf(status, timeline.data?.events ?? [])} />
    </li>
  );
}
