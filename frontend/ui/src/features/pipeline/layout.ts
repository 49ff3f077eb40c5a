/** Where the picture's parts are: services over topics, or, on a narrow screen, beside them. */

import { SERVICES, type ServiceName } from "../../lib/types";

// As each service's table of what it takes says.
export const TAKES: Record<ServiceName, readonly ServiceName[]> = {
  orders: ["inventory", "payments", "shipping"],
  inventory: ["orders", "payments", "shipping"],
  payments: ["orders", "inventory", "shipping"],
  shipping: ["orders", "payments"],
};

export type Box = { x: number; y: number; width: number; height: number };
export type Edge = { key: string; path: string };
export type Node = {
  name: ServiceName;
  service: Box;
  topic: Box;
  publish: string; // the path from the service to its topic
  rateAt: Point;
  lagAt: Point;
  takes: Edge[]; // from the topics that it takes
};
type Point = { x: number; y: number; anchor: "start" | "middle" | "end" };
export type Layout = { width: number; height: number; nodes: Node[] };

const SERVICE = { width: 196, height: 96 };
const TOPIC = { width: 150, height: 34 };

export function wide(): Layout {
  const step = 250;
  const top = 8;
  const below = 206;
  const nodes = SERVICES.map((name, index): Node => {
    const middle = step * (index + 0.5);
    const service = { ...SERVICE, x: middle - SERVICE.width / 2, y: top };
    const topic = { ...TOPIC, x: middle - TOPIC.width / 2, y: below };
    const [foot, out, into] = [top + SERVICE.height, middle + 56, middle - 56];
    return {
      name,
      service,
      topic,
      publish: `M${out},${foot} L${out},${below - 6}`,
      rateAt: { x: out + 8, y: (foot + below) / 2 + 20, anchor: "start" },
      lagAt: { x: into + 8, y: foot + 22, anchor: "start" },
      takes: TAKES[name].map((from) => {
        const start = step * (SERVICES.indexOf(from) + 0.5) - 24;
        const bend = (foot + below) / 2;
        return { key: from, path: `M${start},${below} C${start},${bend} ${into},${bend + 30} ${into},${foot + 7}` };
      }),
    };
  });
  return { width: step * SERVICES.length, height: below + TOPIC.height + 8, nodes };
}

export function narrow(): Layout {
  const step = 150;
  const right = 250;
  const width = 112;
  const nodes = SERVICES.map((name, index): Node => {
    const y = 8 + index * step;
    const service = { ...SERVICE, width: 168, x: 2, y };
    const topic = { width, height: TOPIC.height, x: right, y: y + 8 };
    const [side, out, into] = [service.x + service.width, y + 25, y + 76];
    return {
      name,
      service,
      topic,
      publish: `M${side},${out} L${right - 6},${out}`,
      rateAt: { x: (side + right) / 2, y: out - 8, anchor: "middle" },
      lagAt: { x: service.x + 8, y: y + SERVICE.height + 16, anchor: "start" },
      takes: TAKES[name].map((from) => {
        const start = 8 + SERVICES.indexOf(from) * step + 8 + TOPIC.height - 6;
        const bend = (side + right) / 2;
        return { key: from, path: `M${right},${start} C${bend},${start} ${bend + 20},${into} ${side + 7},${into}` };
      }),
    };
  });
  return { width: right + width + 2, height: step * SERVICES.length + 4, nodes };
}
