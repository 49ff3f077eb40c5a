"""How long an order takes, at a steady rate, until its OrderCompleted is handed to Kafka; and where the time goes."""

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deploy.local.servers import poll
from ecommerce.percentiles import percentile
from ecommerce.registry import engine
from tests.load import timeline
from tests.load.drain import Subject, pids_of
from tests.load.intake import post
from tests.load.machine import Meter, Usage
from tests.load.running_floor import Floor
from tests.load.running_pipeline import Pipeline
from tests.load.timeline import OnTopics, Times
from tests.servers import Servers

# What lies between two facts on the way of an order; a task's time holds its intent's commit and its queue.
HTTP, COMMIT, RELAY = "HTTP until decided", "commit (decide → oplog)", "journal and relay (→ produced)"
CONSUMER, OUTSIDE = "broker and consumer (→ taken)", "gateway and carrier tasks"
_SETTLED_WITHIN = 120


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds at `rate` orders a second. `hops` are means, and add up to the mean of the whole."""

    rate: float
    orders: int
    p50: float
    p95: float
    p99: float
    usage: Usage
    post_p50: float = float("nan")
    post_p99: float = float("nan")
    hops: dict[str, float] = field(default_factory=dict)


def floor_latency(floor: Floor, servers: Servers, rate: float, seconds: float) -> Latency:
    """Orders written by a bare feeder, each when it is due."""
    since, meter = timeline.ends(floor.topics), Meter(pids_of(floor, servers))
    due_at = floor.place_steadily(rate, seconds)
    _until_done(floor)
    usage = meter.read()
    produced = timeline.on_topics(floor.topics, since).produced
    return _latency(rate, usage, [produced[id]["OrderCompleted"] - due * 1000 for id, due in due_at.items()])


def pipeline_latency(pipeline: Pipeline, servers: Servers, rate: float, seconds: float) -> Latency:
    """Orders posted to the API, each when it is due, whatever became of those before."""
    since, start = timeline.ends(pipeline.topics), time.time()
    meter = Meter(pids_of(pipeline, servers))
    posts = post("steadily", rate, seconds)
    pipeline.settle()
    usage = meter.read()
    events = timeline.on_topics(pipeline.topics, since)
    committed = timeline.committed(engine("orders").database.client, start)
    asked = _asked([each.order_id for each in posts])
    whole, parts = [], defaultdict(list)
    for each in posts:
        hops = _hops(each.order_id, each.due * 1000, events, committed, asked)
        whole.append(sum(hops.values()))
        for name, took in hops.items():
            parts[name].append(took)
    answers = [(each.answered - each.due) * 1000 for each in posts]
    return _latency(
        rate,
        usage,
        whole,
        post_p50=percentile(answers, 50),
        post_p99=percentile(answers, 99),
        hops={name: statistics.fmean(values) for name, values in parts.items()},
    )


def _latency(rate: float, usage: Usage, whole: Sequence[float], **also: float | dict[str, float]) -> Latency:
    p50, p95, p99 = (percentile(whole, percent) for percent in (50, 95, 99))
    return Latency(rate=rate, orders=len(whole), p50=p50, p95=p95, p99=p99, usage=usage, **also)  # type: ignore[arg-type]


def _until_done(subject: Subject) -> None:
    poll("all orders to be completed", subject.is_done, deadline=time.monotonic() + _SETTLED_WITHIN)


def _asked(order_ids: Sequence[str]) -> Times:
    """When payments resolved to ask the gateway: intents are in its log alone."""
    log = engine("payments").database["events"]
    asked: Times = {}
    for order_id in order_ids:
        found = log.find({"_id": {"$gte": f"{order_id}:", "$lt": f"{order_id};"}}, {"type": 1, "taken_at": 1})
        asked[order_id] = {each["type"]: each["taken_at"].timestamp() * 1000 for each in found}
    return asked


def _hops(order_id: str, due: float, events: OnTopics, committed: Times, asked: Times) -> Mapping[str, float]:
    """The parts of the way from `due` to the producing of OrderCompleted, along what completed it last."""
    made, produced, oplog, intents = (times[order_id] for times in (events.made, events.produced, committed, asked))
    paid_last = produced["PaymentCaptured"] >= produced["InventoryCommitted"]
    last = "PaymentCaptured" if paid_last else "InventoryCommitted"
    hops = defaultdict(float)
    hops[HTTP] = made["OrderCreated"] - due
    for kind in ("OrderCreated", "InventoryReserved", "PaymentAuthorized", "OrderShipped", last, "OrderCompleted"):
        hops[COMMIT] += oplog[kind] - made[kind]
        hops[RELAY] += produced[kind] - oplog[kind]
    # An event is decided when its cause is taken.
    taken = intents["CaptureRequested"] if paid_last else made["InventoryCommitted"]
    hops[CONSUMER] += made["InventoryReserved"] - produced["OrderCreated"]
    hops[CONSUMER] += intents["AuthorizationRequested"] - produced["InventoryReserved"]
    hops[CONSUMER] += made["ShipmentCreated"] - produced["PaymentAuthorized"]
    hops[CONSUMER] += taken - produced["OrderShipped"]
    hops[CONSUMER] += made["OrderCompleted"] - produced[last]
    hops[OUTSIDE] += made["PaymentAuthorized"] - intents["AuthorizationRequested"]
    hops[OUTSIDE] += made["OrderShipped"] - made["ShipmentCreated"]
    hops[OUTSIDE] += made[last] - taken
    return hops
