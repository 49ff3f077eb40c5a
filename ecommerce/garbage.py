"""Python's garbage collector, set for processes that run long and work in batches."""

import gc

_YOUNG = 50_000  # containers; a batch makes tens of thousands, nearly all of which die without the collector


def settle() -> None:
    """Call once all is loaded: exempts what is there from collection, and collects the young rarely.

    Else every few hundred new containers start a collection, and now and then one goes through all of Django: that took
    a third of a consumer's time, and was a pause for whoever waited.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
