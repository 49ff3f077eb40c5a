import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { useObservable } from "../../lib/observable";
import { theme } from "../../lib/theme";

export type Series = { label: string; values: (number | null)[]; colour: "accent" | "good" | "warn" };
type Props = { unit: string; at: number[]; series: Series[] };

const HEIGHT = 190;

/** Ten minutes of figures. What it shows last is in the heading beside it, for those who do not see it. */
export function Chart({ unit, at, series }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const chosen = useObservable(theme);
  const isDark = useSystemIsDark();
  const columns: uPlot.AlignedData = [at, ...series.map((each) => each.values)];
  const latest = useRef(columns);
  latest.current = columns;
  const drawn = series.map(({ label, colour }) => `${label}:${colour}`).join();

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(optionsFor(element, unit, drawn), latest.current, element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [unit, drawn, chosen, isDark]);

  useEffect(() => plot.current?.setData(latest.current), [at]);

  return <div className="chart" ref={place} role="img" aria-label={`${series.map(({ label }) => label).join(", ")} in ${unit}, the last ten minutes`} />;
}

function optionsFor(element: HTMLElement, unit: string, drawn: string): uPlot.Options {
  const colour = (name: string) => {
    element.style.color = `var(--${name})`; // a canvas knows no custom properties
    const found = getComputedStyle(element).color;
    element.style.color = "";
    return found;
  };
  const [text, line] = [colour("muted"), colour("line")];
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui" };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { y: false },
    legend: { live: true },
    scales: { y: { range: (_plot, _min, most) => [0, Math.max(most * 1.1, 0.1)] } },
    axes: [axis, { ...axis, size: 44 }],
    series: [
      { value: (_plot, at) => (at === null ? "–" : new Date(at * 1000).toLocaleTimeString()) },
      ...drawn.split(",").map((each) => {
        const [label = "", name = ""] = each.split(":");
        const value = (_plot: uPlot, found: number | null) => (found === null ? "–" : `${found.toFixed(2)} ${unit}`);
        return { label, stroke: colour(name), width: 1.5, points: { show: false }, value, spanGaps: false };
      }),
    ],
  };
}

function useSystemIsDark(): boolean {
  const [query] = useState(() => matchMedia("(prefers-color-scheme: dark)"));
  const [is, set] = useState(query.matches);
  useEffect(() => {
    const follow = () => set(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, [query]);
  return is;
}
