"""Who publishes what and who takes it, in words that Mermaid and Markdown draw."""

from collections import defaultdict
from collections.abc import Iterator

from ecommerce.messages import Event
from ecommerce.service import Service


def chart(services: list[Service]) -> str:
    """A Mermaid flowchart: services, their topics, and who reads them."""
    return "\n".join(["flowchart LR", *(f"  {line}" for line in _chart(services))])


def _chart(services: list[Service]) -> Iterator[str]:
    for service in services:
        yield f"{service.name}[{service.name}]"
        for topic in _topics(service):
            yield f"{service.name} ==> {_node(topic)}[/{topic}/]"
    for service in services:
        for topic in service.topics:
            taken = sum(kind.topic == topic for kind in service.events_taken)
            yield f"{_node(topic)} -- {taken} --> {service.name}"


def table(services: list[Service]) -> str:
    """A Markdown table: each event, its version, its topic, and who takes it."""
    takers: dict[type[Event], list[str]] = defaultdict(list)
    for service in services:
        for kind in service.events_taken:
            takers[kind].append(service.name)
    lines = ["| event | version | topic | taken by | says |", "|---|---|---|---|---|"]
    for service in services:
        for kind in service.publishes:
            says = (kind.__doc__ or "").strip().splitlines()[0]
            by = ", ".join(takers[kind]) or "nobody here"
            lines.append(f"| `{kind.__name__}` | {kind.version} | {kind.topic} | {by} | {says} |")
    return "\n".join(lines)


def _topics(service: Service) -> list[str]:
    return sorted({kind.topic for kind in service.publishes})


def _node(topic: str) -> str:
    return topic.replace(".", "_")
