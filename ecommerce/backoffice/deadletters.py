"""Dead letters in the back office: looked at, tried, replayed, edited and given up."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from ecommerce.backoffice.deeds import Deed, DeedForm, DeedsAdmin, Doer, OptionalReason
from ecommerce.deadletters.desk import Actor, Desk, EditRefused, NoSuchLetter, NotOpen, Replay
from ecommerce.deadletters.letters import OPEN, STATUSES
from ecommerce.deadletters.selection import chain_of
from ecommerce.deadletters.showing import readable
from ecommerce.messages import Refused
from ecommerce.registry import engine


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


class EditForm(DeedForm):
    content = forms.CharField(
        label="The message to take in its place; the original is kept",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
    )


def _is_open(letter: Any) -> bool:
    return letter.status in OPEN


class DeadLetterAdmin(DeedsAdmin):
    """Whoever may change dead letters may replay, edit and discard them; each letter has its own record of that."""

    list_display = ("key", "place", "status", "event_type", "error", "attempts", "parked_at")
    list_filter = (StatusFilter,)
    search_fields = ("key__exact", "id__exact")
    ordering = ("parked_at", "place")
    exclude = ("value", "edited", "headers", "history", "message_key")
    readonly_fields = ("content", "edited_content", "read_from", "record")

    def __init__(self, model: Any, site: Any) -> None:
        desk = _DeskOf(model._meta.app_label)
        replay = Deed(
            name="replay", label="Replay, with all that wait behind it", do=desk.replay, form=OptionalReason, bulk=True
        )
        attempt = Deed(name="try", label="Try, storing nothing", do=desk.attempt, form=OptionalReason, recorded=False)
        edit = Deed(name="edit", label="Edit", do=desk.edit, form=EditForm)
        discard = Deed(name="discard", label="Discard for good", do=desk.discard, bulk=True, dangerous=True)
        self.deeds = tuple(replace(deed, offered=_is_open) for deed in (replay, attempt, edit, discard))
        super().__init__(model, site)

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


class _DeskOf:
    """A service's desk, as deeds call it."""

    def __init__(self, service: str) -> None:
        self._service = service

    @property
    def _desk(self) -> Desk:
        return Desk(engine(self._service))

    def replay(self, id: str, doer: Doer) -> str:
        replay = self._replay(id, doer, dry_run=False)
        if replay.error:
            raise Refused("failed_again", f"{len(replay.taken)} taken. {replay.failed} failed: {replay.error}")
        return f"{len(replay.taken)} taken, {replay.left} wait"

    def attempt(self, id: str, doer: Doer) -> str:
        replay = self._replay(id, doer, dry_run=True)
        made = ", ".join(event.event_type for event in replay.events) or "no event"
        said = f"a replay would take {len(replay.taken)} and make: {made}."
        for collection, _, was, becomes in replay.changes:
            said += "".join(f" {collection}: {name} {was[name]!r} → {becomes[name]!r}." for name in becomes)
        return said + (f" Then it would fail: {replay.error}" if replay.error else "")

    def edit(self, id: str, doer: Doer) -> str:
        try:
            self._desk.edit(id, doer.said["content"].encode(), _actor(doer))
        except (NoSuchLetter, NotOpen, EditRefused) as error:
            raise Refused("not_edited", str(error)) from error
        return "edited. A replay takes this in the place of the original"

    def discard(self, id: str, doer: Doer) -> str:
        try:
            left = self._desk.discard(id, _actor(doer))
        except (NoSuchLetter, NotOpen) as error:
            raise Refused("not_discarded", str(error)) from error
        return f"discarded. {left} of its order wait still: replay them" if left else "discarded"

    def _replay(self, id: str, doer: Doer, *, dry_run: bool) -> Replay:
        desk = self._desk
        try:
            chain = chain_of(desk.letter(id))
        except NoSuchLetter as error:
            raise Refused("not_found", str(error)) from error
        return desk.replay(chain, _actor(doer), quarantined=True, dry_run=dry_run)


def _actor(doer: Doer) -> Actor:
    return Actor(by=doer.by, reason=doer.reason)
