/** The saga as services and topics: what flows on each edge, and what waits. */

import { count, rate, span } from "../../lib/format";
import type { Pipeline, PipelineService } from "../../lib/types";
import { type Layout, narrow, type Node, wide } from "./layout";

const WIDE = wide();
const NARROW = narrow();

export function SagaPicture({ of }: { of: Pipeline }) {
  return (
    <>
      <Picture of={of} layout={WIDE} shown="on-wide" />
      <Picture of={of} layout={NARROW} shown="on-narrow" />
    </>
  );
}

function Picture({ of, layout, shown }: { of: Pipeline; layout: Layout; shown: string }) {
  return (
    <svg className={`saga ${shown}`} viewBox={`0 0 ${layout.width} ${layout.height}`} role="img" aria-label={inWords(of)}>
      <defs>
        <marker id={`arrow-${shown}`} viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path className="arrow" d="M0,0 L8,4 L0,8 z" />
        </marker>
      </defs>
      {layout.nodes.flatMap((node) => {
        const state = of.services.find(({ name }) => name === node.name);
        return node.takes.map(({ key, path }) => (
          <path key={`${node.name} ${key}`} className={`takes ${behind(state)}`} d={path} markerEnd={`url(#arrow-${shown})`} />
        ));
      })}
      {layout.nodes.map((node) => (
        <Parts key={node.name} node={node} of={of} arrow={`url(#arrow-${shown})`} />
      ))}
    </svg>
  );
}

function Parts({ node, of, arrow }: { node: Node; of: Pipeline; arrow: string }) {
  const { service, topic } = node;
  const state = of.services.find(({ name }) => name === node.name);
  const flow = state?.publishedPerSecond ?? 0;
  const parties = of.breakers.filter((each) => each.service === node.name);
  const isHeld = of.relays.find((each) => each.service === node.name)?.held;
  return (
    <g>
      <path className={flow > 0 ? "publish flowing" : "publish"} strokeWidth={1.5 + Math.min(4, Math.log10(1 + flow) * 2)} d={node.publish} markerEnd={arrow} />
      <Text at={node.rateAt} className="edge-label">
        {rate(state?.publishedPerSecond)}
      </Text>
      <Text at={node.lagAt} className={`edge-label ${behind(state)}`}>
        lag {count(state?.lagMessages)}
        {state?.lagSeconds ? `, ${span(state.lagSeconds)}` : ""}
      </Text>
      <g className={`service ${health(state, parties, isHeld)}`}>
        <rect x={service.x} y={service.y} width={service.width} height={service.height} rx={6} />
        <text x={service.x + 12} y={service.y + 24} className="service-name">
          {node.name}
        </text>
        {linesOf(state, parties, isHeld).map((line, index) => (
          <text key={line} x={service.x + 12} y={service.y + 46 + index * 18}>
            {line}
          </text>
        ))}
      </g>
      <g className="topic">
        <rect x={topic.x} y={topic.y} width={topic.width} height={topic.height} rx={topic.height / 2} />
        <text x={topic.x + topic.width / 2} y={topic.y + topic.height / 2 + 4} textAnchor="middle">
          {node.name}.events
        </text>
      </g>
    </g>
  );
}

function Text({ at, className, children }: { at: Node["rateAt"]; className: string; children: React.ReactNode }) {
  return (
    <text x={at.x} y={at.y} textAnchor={at.anchor} className={className}>
      {children}
    </text>
  );
}

function linesOf(state: PipelineService | undefined, parties: Pipeline["breakers"], isHeld: boolean | undefined): string[] {
  if (!state) return ["not known"];
  const outbox = state.outboxDepth === null ? "outbox not known" : state.outboxDepth ? `outbox ${count(state.outboxDepth)}, ${span(state.outboxSeconds)}` : "outbox empty";
  const letters = state.deadLetters ? [`${count(state.deadLetters)} dead ${state.deadLetters === 1 ? "letter" : "letters"}`] : [];
  const trouble = [
    ...(state.consumers === 0 ? ["no consumer"] : []),
    ...letters,
    ...parties.filter(({ state }) => state !== "closed").map((each) => `${each.party} ${each.state}`),
    ...(isHeld === false && state.outboxDepth ? ["no relay"] : []),
  ];
  const calm = parties.map((each) => `${each.party} closed`);
  return [outbox, (trouble.length ? trouble : calm).slice(0, 2).join(", ")].filter(Boolean).concat(state.pending ? [`${count(state.pending)} being asked`] : []);
}

function health(state: PipelineService | undefined, parties: Pipeline["breakers"], isHeld: boolean | undefined): string {
  if (!state) return "unknown";
  if (state.consumers === 0 || (state.deadLetters ?? 0) > 0 || parties.some((each) => each.state === "open")) return "bad";
  if (parties.some((each) => each.state === "half-open") || (isHeld === false && (state.outboxDepth ?? 0) > 0)) return "warn";
  return "calm";
}

function behind(state: PipelineService | undefined): string {
  if (!state || state.lagMessages === null) return "unknown";
  const seconds = state.lagSeconds ?? 0;
  return seconds > 30 ? "bad" : seconds > 5 ? "warn" : "";
}

function inWords({ services }: Pipeline): string {
  const each = services.map((state) => `${state.name} publishes ${rate(state.publishedPerSecond)}, lag ${count(state.lagMessages)}`);
  return `Services and their topics. ${each.join(". ")}. The table below says all of it.`;
}
