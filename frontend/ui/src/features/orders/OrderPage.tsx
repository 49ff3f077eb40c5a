import { type FormEvent, useState } from "react";
import { Link, useParams } from "react-router";

import { Dialog } from "../../components/dialog";
import { Empty, Failed, Loading, Page, Section } from "../../components/page";
import { Status } from "../../components/status";
import { api, newKey } from "../../lib/api";
import { money, short, span, time } from "../../lib/format";
import { answer, Problem } from "../../lib/http";
import { useDiagnosis, useOrder, useTimeline } from "../../lib/order-queries";
import type { User } from "../../lib/session";
import { ENDED, type Order, type Status as OrderStatus } from "../../lib/types";
import { TimelineView } from "./TimelineView";

export function OrderPage({ user }: { user: User }) {
  const { id = "" } = useParams();
  return <OneOrder key={id} id={id} user={user} />;
}

function OneOrder({ id, user }: { id: string; user: User }) {
  const { order, error, isPending, refetch } = useOrder(id);
  const timeline = useTimeline(id);
  const isStaff = user.scopes.has("orders:read");
  if (!order)
    return (
      <Page title="Order">
        {isPending && <Loading what="the order" />}
        {error instanceof Problem && error.status === 404 ? (
          <Empty>
            There is no order {id}. <Link to="/orders">All orders</Link>
          </Empty>
        ) : (
          error && <Failed error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={`Order ${short(id)}`}
      heading={
        <>
          Order <code title={id}>{short(id)}</code>
        </>
      }
      aside={
        <>
          <span role="status" aria-label="Status">
            <Status of={order.status} />
          </span>
          <Cancel order={order} onDone={() => void refetch()} />
        </>
      }
    >
      {error && <Failed error={error} retry={() => void refetch()} />}
      <Facts order={order} />
      <div className="columns">
        <Section title="What happened" aside={<span className="muted">{timeline.data?.events.length ?? 0} events, each after its cause</span>}>
          {timeline.isPending && <Loading what="the timeline" />}
          {timeline.isError && <Failed error={timeline.error} retry={() => void timeline.refetch()} />}
          {timeline.data?.events.length === 0 && <Empty>Nothing yet.</Empty>}
          {timeline.data && timeline.data.events.length > 0 && (
            <TimelineView orderId={id} events={timeline.data.events} raw={isStaff} />
          )}
        </Section>
        <div>
          {isStaff && <Why id={id} again={!ENDED.has(order.status)} />}
          <Items order={order} />
        </div>
      </div>
    </Page>
  );
}

function Facts({ order }: { order: Order }) {
  const took = (Date.parse(order.updatedAt) - Date.parse(order.createdAt)) / 1000;
  const facts: [string, string | null][] = [
    ["Id", order.orderId],
    ["Placed", time(order.createdAt)],
    [ENDED.has(order.status) ? "Ended after" : "Last change after", span(took)],
    ["Amount", money(order.totalAmount, order.currency)],
    ["Cancelled because", order.cancellationReason],
    ["Reason given", order.failure],
    ["Tracking", order.trackingNumber],
    ["Needs attention", order.needsAttention],
  ];
  return (
    <dl className="facts">
      {facts.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function Items({ order }: { order: Order }) {
  return (
    <Section title="Items">
      <table>
        <thead>
          <tr>
            <th scope="col">Product</th>
            <th scope="col" className="number">
              Pieces
            </th>
            <th scope="col" className="number">
              Each
            </th>
          </tr>
        </thead>
        <tbody>
          {order.items.map((item) => (
            <tr key={item.sku}>
              <th scope="row">{item.sku}</th>
              <td className="number">{item.quantity}</td>
              <td className="number">{money(item.unitPrice, order.currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

/** The diagnosis in plain words. */
function Why({ id, again }: { id: string; again: boolean }) {
  const { data, isPending, error, refetch } = useDiagnosis(id, { enabled: true, again });
  return (
    <Section title="Why is it there?">
      {isPending && <Loading what="the diagnosis" />}
      {error && <Failed error={error} retry={() => void refetch()} />}
      {data?.findings.length === 0 && <Empty>It waits for nothing.</Empty>}
      <ul className="findings">
        {data?.findings.map((finding) => (
          <li key={`${finding.service} ${finding.what}`}>
            <p>
              <strong>{finding.service}</strong> {finding.what}
              {finding.since && <span className="muted"> since {time(finding.since)}</span>}
              {finding.cause && `: ${finding.cause}`}
            </p>
            {finding.action && <p className="muted">{finding.action}</p>}
            {finding.deadLetter && (
              <p>
                <Link to={`/dead-letters/${encodeURIComponent(finding.deadLetter)}`}>The dead letter</Link>
              </p>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const TOO_LATE = new Set<OrderStatus>(["SHIPPED", "COMPLETED", "DELIVERED", "CANCELLED", "CANCELLING"]);

function Cancel({ order, onDone }: { order: Order; onDone: () => void }) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [key, setKey] = useState("");

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason") ?? "");
    setBusy(true);
    setError(null);
    try {
      const params = { path: { orderId: order.orderId }, header: { "Idempotency-Key": key } };
      await answer(api.POST("/api/v1/orders/{orderId}/cancel", { params, body: { reason } }));
      setAsking(false);
      onDone();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }

  if (TOO_LATE.has(order.status) && !asking) return null;
  const open = () => {
    setKey(newKey());
    setError(null);
    setAsking(true);
  };
  return (
    <>
      <button type="button" className="danger" onClick={open}>
        Cancel order…
      </button>
      {asking && (
        <Dialog title="Cancel this order?" onClose={() => setAsking(false)}>
          <form className="stack" onSubmit={(event) => void submit(event)}>
            <p>Its payment is voided and its stock released. If it has shipped meanwhile, it stays as it is.</p>
            <label>
              Reason
              <input name="reason" maxLength={500} />
            </label>
            {error !== null && <Failed error={error} />}
            <div className="buttons">
              <button type="button" onClick={() => setAsking(false)}>
                Keep it
              </button>
              <button type="submit" className="danger" disabled={busy}>
                {busy ? "Asking…" : "Cancel order"}
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
