"""The report as a picture: three panels of bars, in an SVG written by hand."""

from collections.abc import Iterator, Sequence
from html import escape

from tests.load.bench import Results
from tests.load.figures import spread
from tests.load.limits import mean_cost

_WIDTH, _HEIGHT, _LEFT, _ROW = 900, 18, 250, 24
_COLOURS = {"floor": "#9aa5b1", "pipeline": "#2f6fde"}

Bar = tuple[str, float, str]  # label, value, colour


def svg(results: Results) -> str:
    """Drains, CPU by process and latencies."""
    panels = {"sagas/s, each run": _drains(results), "CPU s per 1,000 sagas": _costs(results)}
    panels |= {"ms from order to OrderCompleted, median of runs": _latencies(results)}
    parts: list[str] = []
    y = 10
    for title, bars in panels.items():
        parts += _panel(title, bars, y)
        y += _ROW * (len(bars) + 2)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" '
    head += 'font-family="sans-serif" font-size="13">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def _panel(title: str, bars: Sequence[Bar], top: int) -> Iterator[str]:
    yield f'<text x="10" y="{top + _HEIGHT}" font-weight="bold">{escape(title)}</text>'
    scale = (_WIDTH - _LEFT - 80) / max([value for _, value, _ in bars] or [1])
    for number, (label, value, colour) in enumerate(bars, start=1):
        y = top + number * _ROW
        yield f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
        yield f'<rect x="{_LEFT}" y="{y}" width="{value * scale:.1f}" height="{_HEIGHT}" fill="{colour}"/>'
        yield f'<text x="{_LEFT + value * scale + 6:.1f}" y="{y + 14}">{_short(value)}</text>'


def _drains(results: Results) -> list[Bar]:
    pairs = zip(results.floor_drains, results.pipeline_drains, strict=True)
    return [
        (f"{name} {number}", drain.rate, _COLOURS[name])
        for number, pair in enumerate(pairs, start=1)
        for name, drain in zip(_COLOURS, pair, strict=True)
    ]


def _costs(results: Results) -> list[Bar]:
    return [
        (f"{name} {process}", cost, _COLOURS[name])
        for name, drains in (("floor", results.floor_drains), ("pipeline", results.pipeline_drains))
        for process, cost in sorted(mean_cost(drains).items(), key=lambda each: -each[1])
        if cost >= 0.005
    ]


def _latencies(results: Results) -> list[Bar]:
    return [
        (f"{name} {rate:g}/s {what}", spread([getattr(run, what) for run in runs]).median, _COLOURS[name])
        for rate in results.pipeline_latencies
        for name, latencies in (("floor", results.floor_latencies), ("pipeline", results.pipeline_latencies))
        if (runs := latencies.get(rate))
        for what in ("p50", "p99")
    ]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
