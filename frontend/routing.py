"""The WebSockets of this process."""

from ecommerce.http.server import Receive, Scope, Send, refuse
from frontend.consumers import OrdersConsumer

PATH = "/ws/orders/"

_orders = OrdersConsumer.as_asgi()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The live view at its path, and nothing elsewhere."""
    await (_orders if scope["path"] == PATH else refuse)(scope, receive, send)
