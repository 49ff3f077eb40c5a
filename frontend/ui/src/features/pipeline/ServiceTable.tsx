import { count, rate, span } from "../../lib/format";
import type { Pipeline } from "../../lib/types";

const HEADS = ["Service", "Consumers", "Lag", "Behind", "Published", "Outbox", "Oldest", "Pending", "Dead letters", "Relay", "Outside"];

export function ServiceTable({ of }: { of: Pipeline }) {
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Services">
      <table>
        <thead>
          <tr>
            {HEADS.map((head) => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {of.services.map((service) => {
            const relay = of.relays.find((each) => each.service === service.name);
            const parties = of.breakers.filter((each) => each.service === service.name);
            return (
              <tr key={service.name}>
                <th scope="row">{service.name}</th>
                <td className="number">{count(service.consumers)}</td>
                <td className="number">{count(service.lagMessages)}</td>
                <td className="number">{span(service.lagSeconds)}</td>
                <td className="number">{rate(service.publishedPerSecond)}</td>
                <td className="number">{count(service.outboxDepth)}</td>
                <td className="number">{span(service.outboxSeconds)}</td>
                <td className="number">{count(service.pending)}</td>
                <td className="number">{count(service.deadLetters)}</td>
                <td>{relay ? (relay.held ? "at work" : "nobody") : "–"}</td>
                <td>{parties.map((each) => `${each.party} ${each.state}`).join(", ") || "–"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
