"""Dead letters in the back office: looked at, replayed, edited and given up."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ecommerce.deadletters.desk import Actor, Desk, EditRefused, NoSuchLetter, NotOpen, Replay
from ecommerce.deadletters.letters import OPEN, STATUSES
from ecommerce.deadletters.selection import chain_of
from ecommerce.deadletters.showing import readable
from ecommerce.readonlyadmin import ReadOnlyAdmin
from ecommerce.registry import engine

_LONGEST_REASON = 500


class StatusFilter(admin.SimpleListFilter):
    """The open ones, unless another status is asked for."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status.capitalize()) for status in STATUSES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status__in=[self.value()] if self.value() else OPEN)

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield from ({**first, "display": "Open"}, *others)


class DeadLetterAdmin(ReadOnlyAdmin):
    """Whoever may change dead letters may replay, edit and discard them; every deed is on record with its reason."""

    list_display = ("key", "status", "event_type", "error", "attempts", "place", "parked_at", "id")
    list_filter = (StatusFilter,)
    search_fields = ("=key", "=id")
    ordering = ("parked_at", "place")
    exclude = ("value", "edited", "headers", "history", "message_key")
    readonly_fields = ("content", "edited_content", "read_from", "record")
    change_form_template = "ecommerce/dead_letter.html"
    actions = ("replay_selected",)

    @admin.display(description="original")
    def content(self, letter: Any) -> str:
        return readable(bytes(letter.value))

    @admin.display(description="edited, taken in its place")
    def edited_content(self, letter: Any) -> str:
        return "-" if letter.edited is None else readable(bytes(letter.edited))

    @admin.display(description="headers")
    def read_from(self, letter: Any) -> SafeString:
        shown = ((name, value.decode(errors="backslashreplace")[:200]) for name, value in letter.headers or ())
        return format_html_join("", "{}: {}<br>", shown)

    @admin.display(description="history")
    def record(self, letter: Any) -> SafeString:
        entries = (
            (f"{each['at']:%Y-%m-%d %H:%M:%S}", each["did"], each["by"], each.get("reason", ""), each.get("error", ""))
            for each in letter.history or ()
        )
        return format_html_join("", "{} {} by {} {} {}<br>", entries) or SafeString("-")

    # Deeds

    def has_handle_permission(self, request: HttpRequest) -> bool:
        """Not `has_change_permission`: no field of a letter is ever set by a form."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))  # type: ignore[union-attr]

    @admin.action(description="Replay the selected ones, with all that wait behind them", permissions=["handle"])
    def replay_selected(self, request: HttpRequest, selected: QuerySet[Any]) -> None:
        desk, actor = self._desk(), self._actor(request)
        for chain in {chain_of(desk.letter(letter.pk)): None for letter in selected}:
            self._tell(request, str(chain), desk.replay(chain, actor))

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        deeds = {"replay": self._replay, "try": self._try, "edit": self._edit, "discard": self._discard}
        views = [
            path(f"<path:object_id>/{each}/", self.admin_site.admin_view(self._deed(deed)), name=f"{name}_{each}")
            for each, deed in deeds.items()
        ]
        return [*views, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        context |= {"may_handle": self.has_handle_permission(request), "open_statuses": OPEN}
        return super().render_change_form(request, context, *args, **kwargs)

    def _deed(self, deed: Callable[[HttpRequest, str], None]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            if not self.has_handle_permission(request):
                raise PermissionDenied
            letter_id = unquote(object_id)
            try:
                deed(request, letter_id)
            except NoSuchLetter as error:
                messages.error(request, str(error))
                return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
            except (NotOpen, EditRefused) as error:
                messages.error(request, str(error))
            page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(letter_id)])
            return HttpResponseRedirect(page)

        return view

    def _replay(self, request: HttpRequest, id: str) -> None:
        chain = chain_of(self._desk().letter(id))
        self._tell(request, str(chain), self._desk().replay(chain, self._actor(request), quarantined=True))

    def _try(self, request: HttpRequest, id: str) -> None:
        chain = chain_of(self._desk().letter(id))
        replay = self._desk().replay(chain, self._actor(request), quarantined=True, dry_run=True)
        made = ", ".join(event.event_type for event in replay.events) or "no event"
        said = f"A replay would take {len(replay.taken)} and make: {made}."
        for collection, _, was, becomes in replay.changes:
            said += "".join(f" {collection}: {name} {was[name]!r} → {becomes[name]!r}." for name in becomes)
        messages.info(request, said + (f" Then it would fail: {replay.error}" if replay.error else ""))

    def _edit(self, request: HttpRequest, id: str) -> None:
        self._desk().edit(id, request.POST.get("content", "").encode(), self._actor(request, reason_required=True))
        messages.success(request, "Edited. A replay takes this in the place of the original.")

    def _discard(self, request: HttpRequest, id: str) -> None:
        left = self._desk().discard(id, self._actor(request, reason_required=True))
        messages.success(request, f"Discarded. {left} of its order wait still: replay them." if left else "Discarded.")

    def _tell(self, request: HttpRequest, chain: str, replay: Replay) -> None:
        said = f"{chain}: {len(replay.taken)} taken, {replay.left} wait."
        if replay.error:
            messages.error(request, f"{said} {replay.failed} failed: {replay.error}")
        else:
            messages.success(request, said)

    def _desk(self) -> Desk:
        return Desk(engine(self.opts.app_label))

    def _actor(self, request: HttpRequest, *, reason_required: bool = False) -> Actor:
        reason = request.POST.get("reason", "").strip()[:_LONGEST_REASON]
        if reason_required and not reason:
            raise EditRefused("say why: the reason is kept with the letter")
        return Actor(by=request.user.get_username(), reason=reason)
