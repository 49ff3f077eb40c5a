import { Link } from "react-router";

import { Empty, Loading, Page, Section } from "../../components/page";
import { count, rate, span, time } from "../../lib/format";
import { feed } from "../../lib/live";
import { useObservable } from "../../lib/observable";
import type { Pipeline } from "../../lib/types";
import { Chart } from "./Chart";
import { SagaPicture } from "./SagaPicture";
import { ServiceTable } from "./ServiceTable";
import { tilesOf } from "./tiles";

export function PipelinePage() {
  const { latest, history } = useObservable(feed.stats);
  const link = useObservable(feed.link);
  const isOld = link.is === "stale";
  if (!latest)
    return (
      <Page title="Pipeline">
        {isOld ? <Empty>There are no figures yet: the server is not reached.</Empty> : <Loading what="the pipeline" />}
      </Page>
    );
  return (
    <Page title="Pipeline" aside={<Sources of={latest} />}>
      <div className={isOld ? "dim" : ""}>
        <Tiles of={latest} />
        <Section title="The saga, now">
          <SagaPicture of={latest} />
          <details>
            <summary>The same as a table</summary>
            <ServiceTable of={latest} />
          </details>
        </Section>
        <div className="halves">
          <Section
            title="Throughput"
            aside={
              <span className="muted">
                placed {rate(latest.orders.placedPerSecond)}, completed {rate(latest.orders.completedPerSecond)}
              </span>
            }
          >
            <Chart
              unit="orders/s"
              at={history.at}
              series={[
                { label: "placed", values: history.placed, colour: "accent" },
                { label: "completed", values: history.completed, colour: "good" },
                { label: "cancelled", values: history.cancelled, colour: "warn" },
              ]}
            />
          </Section>
          <Section
            title="Placed to completed"
            aside={
              <span className="muted">
                p50 {span(latest.latency.p50)}, p99 {span(latest.latency.p99)}, of {count(latest.latency.count)}
              </span>
            }
          >
            <Chart
              unit="s"
              at={history.at}
              series={[
                { label: "p50", values: history.p50, colour: "good" },
                { label: "p95", values: history.p95, colour: "accent" },
                { label: "p99", values: history.p99, colour: "warn" },
              ]}
            />
          </Section>
        </div>
      </div>
    </Page>
  );
}

function Tiles({ of }: { of: Pipeline }) {
  return (
    <ul className="tiles" aria-label="At a glance">
      {tilesOf(of, time).map(({ label, value, note, tone, to }) => (
        <li key={label} className={`tile ${tone}`}>
          <span className="tile-label">{to ? <Link to={to}>{label}</Link> : label}</span>
          <strong>{value}</strong>
          <small>{note}</small>
        </li>
      ))}
    </ul>
  );
}

/** Which of the sources of these figures are out of reach. */
function Sources({ of }: { of: Pipeline }) {
  const away = Object.entries(of.sources)
    .filter(([, isThere]) => !isThere)
    .map(([name]) => name);
  return (
    <span className={away.length ? "pill bad" : "muted"} role="status">
      {away.length ? `Out of reach: ${away.join(", ")}` : ""}
    </span>
  );
}
