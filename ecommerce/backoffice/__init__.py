"""The back office, Django's admin: everything can be looked at, and what is done goes through the engine."""

from ecommerce.backoffice.collections import register
from ecommerce.backoffice.deeds import Deed, DeedForm, DeedsAdmin, Doer
from ecommerce.backoffice.readonly import ReadOnlyAdmin
from ecommerce.backoffice.revealing import RevealingAdmin
from ecommerce.backoffice.saga import SagaAdmin

__all__ = [
    "Deed",
    "DeedForm",
    "DeedsAdmin",
    "Doer",
    "ReadOnlyAdmin",
    "RevealingAdmin",
    "SagaAdmin",
    "register",
]
