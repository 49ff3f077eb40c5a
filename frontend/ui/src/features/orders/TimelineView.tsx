import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { Dialog } from "../../components/dialog";
import { Json } from "../../components/json";
import { Failed, Loading } from "../../components/page";
import { api } from "../../lib/api";
import { span } from "../../lib/format";
import { answer } from "../../lib/http";
import { SERVICES, type TimelineEvent } from "../../lib/types";
import { type Hop, hops } from "./causality";

const ROW = 34; // pixels, as in the style sheet
const LANE = 26;
const MARK = { compensation: "undone", failure: "failed", step: "" };

/** What happened to an order over all services: a lane for each, a line from each cause to its effect. */
export function TimelineView({ orderId, events, raw }: { orderId: string; events: readonly TimelineEvent[]; raw: boolean }) {
  const [opened, setOpened] = useState<TimelineEvent | null>(null);
  const rows = hops(events);
  return (
    <>
      <div className="timeline" tabIndex={0} role="region" aria-label="Timeline">
        <Lanes rows={rows} />
        <table>
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col">Service</th>
              <th scope="col" className="number">
                Hop
              </th>
              <th scope="col" className="number wide-only">
                Since start
              </th>
              {raw && (
                <th scope="col">
                  <span className="unseen">As published</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((hop) => (
              <Row key={hop.event.eventId} hop={hop} raw={raw} onOpen={() => setOpened(hop.event)} />
            ))}
          </tbody>
        </table>
      </div>
      {opened && <RawEvent orderId={orderId} event={opened} onClose={() => setOpened(null)} />}
    </>
  );
}

function Row({ hop, raw, onOpen }: { hop: Hop; raw: boolean; onOpen: () => void }) {
  const { event, kind, cause, seconds, sinceStart, isInferred } = hop;
  return (
    <tr className={kind}>
      <th scope="row">
        {event.eventType} {MARK[kind] && <span className="pill warn">{MARK[kind]}</span>}
        {cause && <span className="unseen">, because of {cause.event.eventType}</span>}
      </th>
      <td className={`lane-${event.service}`}>{event.service}</td>
      <td className="number" title={cause ? `after ${cause.event.eventType}${isInferred ? ", which the outside party was asked because of" : ""}` : ""}>
        {seconds === null ? "" : `+${span(seconds)}`}
      </td>
      <td className="number wide-only">
        <time dateTime={event.timestamp} title={event.timestamp}>
          {span(sinceStart)}
        </time>
      </td>
      {raw && (
        <td className="number">
          <button type="button" className="quiet" onClick={onOpen}>
            Raw <span className="unseen">{event.eventType}</span>
          </button>
        </td>
      )}
    </tr>
  );
}

/** The picture beside the table, which says the same in words. */
function Lanes({ rows }: { rows: readonly Hop[] }) {
  const x = (lane: number) => LANE / 2 + lane * LANE;
  const y = (row: number) => ROW * (row + 1.5); // below the table's head
  const width = LANE * SERVICES.length;
  return (
    <svg className="lanes" width={width} height={ROW * (rows.length + 1)} aria-hidden="true">
      {SERVICES.map((service, lane) => (
        <line key={service} className="lane" x1={x(lane)} x2={x(lane)} y1={ROW / 2} y2={y(rows.length - 1)} />
      ))}
      {rows.map(({ event, cause, lane, isInferred }, row) => {
        if (!cause) return null;
        const from = { x: x(rows[cause.row]?.lane ?? 0), y: y(cause.row) };
        const to = { x: x(lane), y: y(row) };
        const bend = from.y + (to.y - from.y) / 2;
        const path = `M${from.x},${from.y} C${from.x},${bend} ${to.x},${bend} ${to.x},${to.y}`;
        return <path key={event.eventId} className={isInferred ? "cause inferred" : "cause"} d={path} />;
      })}
      {rows.map(({ event, lane, kind }, row) => (
        <circle key={event.eventId} className={`dot ${kind}`} cx={x(lane)} cy={y(row)} r={5} />
      ))}
    </svg>
  );
}

function RawEvent({ orderId, event, onClose }: { orderId: string; event: TimelineEvent; onClose: () => void }) {
  const params = { path: { orderId, eventId: event.eventId } };
  const query = useQuery({
    queryKey: ["event", orderId, event.eventId],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/orders/{orderId}/events/{eventId}", { params, signal })),
    staleTime: Infinity,
  });
  return (
    <Dialog title={`${event.eventType}, as published`} onClose={onClose}>
      {query.isPending && <Loading what="the event" />}
      {query.isError && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.data !== undefined && <Json value={query.data} label="The event" />}
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </Dialog>
  );
}
