"""Every way through the saga, on the whole pipeline."""

from ecommerce.demo import BRANCHES, hops
from ecommerce.percentiles import percentile
from tests.system.conftest import Pipeline
from tests.system.watching import PLAIN, audited, ended

DEADLINE_SECONDS = 45  # one branch waits for it; the others must be done by then on a busy machine too


def test_every_branch_of_the_saga_ends_as_it_should(pipeline: Pipeline) -> None:
    shop = pipeline.shop
    placed = [one for branch in BRANCHES for one in branch.place(shop)]
    ended(shop, placed)
    for one in placed:
        one.branch.follow_up(shop, one)
    wrong = [(one.branch.name, one.fate(shop)) for one in placed if one.fate(shop) not in one.branch.expected]
    assert wrong == []
    for name, values in hops([one.order_id for one in placed if one.branch is PLAIN]).items():
        print(f"{name:<50} p50 {percentile(values, 50):6.0f} ms  p95 {percentile(values, 95):6.0f} ms")
    assert "0 violations" in audited()
