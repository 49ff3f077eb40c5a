"""manage.py dlq list | show | replay | edit | discard | export"""

import getpass
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ecommerce.deadletters.campaign import Campaign, Result, Target
from ecommerce.deadletters.desk import Actor, Desk, EditRefused, NoSuchLetter, NotOpen
from ecommerce.deadletters.letters import OPEN, STATUSES
from ecommerce.deadletters.selection import Selection
from ecommerce.deadletters.showing import exported, parted, qualified, readable
from ecommerce.management import arguments
from ecommerce.management.command import ProjectCommand
from ecommerce.progress import beside, watched
from ecommerce.registry import engine, services
from ecommerce.storage import Document


class Command(ProjectCommand):
    help = "Dead letters: what was set aside, why, and what to do about it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="what was set aside, the longest waiting first")
        _select(listing)
        listing.add_argument("--status", action="append", choices=STATUSES, help="default: those that are open")
        listing.add_argument("--limit", type=_whole, default=100)
        show = actions.add_parser("show", help="one, with its content, headers and history")
        show.add_argument("id")
        replay = actions.add_parser("replay", help="takes them after all, each order's in their order")
        _select(replay)
        replay.add_argument("--dry-run", action="store_true", help="decides and shows what would come of it")
        replay.add_argument("--rate", type=_rate, default=0.0, help="orders a second, at most")
        replay.add_argument("--limit", type=_whole, help="so many orders")
        replay.add_argument("--no-canary", action="store_true", help="all at once, and on when they fail again")
        _sign(replay, reason_required=False)
        edit = actions.add_parser("edit", help="puts a file in the place of the original, which is kept")
        edit.add_argument("id")
        edit.add_argument("--file", required=True, help="- for standard input")
        _sign(edit, reason_required=True)
        discard = actions.add_parser("discard", help="gives them up for good")
        _select(discard)
        _sign(discard, reason_required=True)
        export = actions.add_parser("export", help="whole, as lines of JSON with bytes in base64")
        _select(export)
        export.add_argument("--status", action="append", choices=STATUSES, help="default: those that are open")
        export.add_argument("--output", help="a file; default: standard output")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except (NoSuchLetter, NotOpen, EditRefused, OSError) as error:
            raise CommandError(str(error)) from error

    # Reading

    def _list(self, *, limit: int, **options: Any) -> None:
        shown = total = 0
        for desk, letter in _found(options):
            total += 1
            if shown == limit:
                continue
            shown += 1
            error = letter["error"].splitlines()[0][:100] if letter["error"] else "waits behind it"
            self.stdout.write(
                f"{letter['parked_at']:%Y-%m-%d %H:%M:%S}  {letter['status']:<11}  {letter['event_type'] or '?':<22}  "
                f"{letter['key'] or '(no key)'}  {qualified(desk.service, letter['_id'])}  {error}"
            )
        more = f", of which {shown} are shown (--limit)" if shown < total else ""
        self.stdout.write(f"{total} dead letters{more}" if total else "no dead letters")

    def _show(self, *, id: str, **_: Any) -> None:
        desk, id = _desk_and_id(id)
        letter = desk.letter(id)
        for name in ("status", "error", "attempts", "key", "place", "event_type", "event_id", "parked_at", "closed_at"):
            if letter[name] not in (None, ""):
                self.stdout.write(f"{name.replace('_', ' '):<11} {letter[name]}")
        if letter["topic"]:
            self.stdout.write(
                f"{'from':<11} {letter['topic']} partition {letter['partition']} offset {letter['offset']}"
            )
        for name, value in letter["headers"]:
            self.stdout.write(f"{'header':<11} {name}: {value.decode(errors='backslashreplace')[:200]}")
        for entry in letter["history"]:
            what = ", ".join(f"{name}: {value}" for name, value in entry.items() if name not in ("at", "did"))
            self.stdout.write(f"{entry['at']:%Y-%m-%d %H:%M:%S} {entry['did']} ({what})")
        self.stdout.write(f"\n{readable(letter['value'])}")
        if letter["edited"] is not None:
            self.stdout.write(f"\nedited, to be taken in its place:\n{readable(letter['edited'])}")

    def _export(self, *, output: str | None, **options: Any) -> None:
        lines = (exported(desk.service, letter) for desk, letter in _found(options))
        if output is None:
            for line in lines:
                self.stdout.write(line.decode())
            return
        with Path(output).open("xb") as file:  # never over another export
            try:
                file.writelines(line + b"\n" for line in watched(lines, "dead letters"))
            except BaseException:
                Path(output).unlink()  # half of one would be in the way of the next run
                raise
        self.stdout.write(f"written to {output}")

    # Doing

    def _replay(
        self, *, dry_run: bool, rate: float, limit: int | None, no_canary: bool, by: str, reason: str, **options: Any
    ) -> None:
        targets = list(_targets(options))[:limit]
        if not targets:
            self.stdout.write("no dead letters")
            return
        actor = Actor(by=by, reason=reason)
        named = bool(options["id"])  # whoever names a letter means it, quarantined or not
        campaign = Campaign(targets, canary=not (no_canary or dry_run), rate=rate)
        results = campaign.run(lambda desk, chain: desk.replay(chain, actor, dry_run=dry_run, quarantined=named))
        taken = failed = 0
        for result in watched(results, "orders", of=len(targets)):
            taken += len(result.replay.taken)
            failed += bool(result.replay.error)
            with beside():
                self._tell(result, dry_run=dry_run)
        done = "would be taken" if dry_run else "taken"
        self.stdout.write(f"{taken} dead letters {done}; {failed} of {len(targets)} orders failed again")
        if campaign.stopped:
            self.stdout.write(f"stopped, since they fail again: {campaign.stopped} orders not tried (--no-canary does)")
        if failed:
            raise SystemExit(1)

    def _tell(self, result: Result, *, dry_run: bool) -> None:
        (desk, chain), replay = result.target, result.replay
        said = f"{desk.service} {chain}: {len(replay.taken)} {'would be taken' if dry_run else 'taken'}"
        if replay.error:
            said += f", {qualified(desk.service, replay.failed)} failed: {replay.error}"
        if replay.left:
            said += f"; {replay.left} wait"
        self.stdout.write(said)
        if not dry_run:
            return
        for event in replay.events:
            self.stdout.write(f"  would make {event.event_type} {event.event_id}")
        for collection, key, was, becomes in replay.changes:
            for name in becomes:
                self.stdout.write(f"  {collection} {key}: {name} {was[name]!r} → {becomes[name]!r}")

    def _edit(self, *, id: str, file: str, by: str, reason: str, **_: Any) -> None:
        desk, id = _desk_and_id(id)
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        desk.edit(id, data, Actor(by=by, reason=reason))
        self.stdout.write(f"edited; to take it: manage.py dlq replay {qualified(desk.service, id)}")

    def _discard(self, *, by: str, reason: str, **options: Any) -> None:
        if not any(options[name] for name in ("id", "service", "type", "key", "error", "since")):
            raise CommandError("say which: an id, or --service, --type, --key, --error, --since")
        letters = list(_found(options))
        for desk, letter in watched(letters, "dead letters", of=len(letters)):
            left = desk.discard(letter["_id"], Actor(by=by, reason=reason))
            waiting = f"; {left} of {letter['key']} wait still" if left else ""
            with beside():
                self.stdout.write(f"discarded {qualified(desk.service, letter['_id'])}{waiting}")
        self.stdout.write(f"{len(letters)} dead letters discarded")


def _select(parser: ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", help="as dlq list gives them: <service>:<id>")
    parser.add_argument("--service", action="append", help="only this one; may be given several times")
    parser.add_argument("--type", help="the event's type")
    parser.add_argument("--key", help="the order's id")
    parser.add_argument("--error", help="a part of the error's text")
    parser.add_argument("--since", type=arguments.time, help=f"set aside since then: {arguments.TIMES}")


def _sign(parser: ArgumentParser, *, reason_required: bool) -> None:
    parser.add_argument("--by", default=getpass.getuser(), help="for the record; default: your name on this machine")
    parser.add_argument("--reason", required=reason_required, default="", help="for the record")


def _desks(options: dict[str, Any]) -> Iterator[tuple[Desk, Selection]]:
    """Each service's desk that is meant, and which of its letters."""
    ids: dict[str, list[str]] = {}
    for each in options["id"]:
        service, id = parted(each)
        ids.setdefault(service, []).append(id)
    for name in ids or options["service"] or [each.name for each in services()]:
        desk = _desk(name)
        for id in ids.get(name, ()):
            desk.letter(id)  # says so when there is none
        yield (
            desk,
            Selection(
                ids=tuple(ids.get(name, ())),
                type=options["type"],
                key=options["key"],
                error=options["error"],
                since=options["since"],
                statuses=tuple(options.get("status") or OPEN),
            ),
        )


def _found(options: dict[str, Any]) -> Iterator[tuple[Desk, Document]]:
    for desk, selection in _desks(options):
        for letter in desk.found(selection):
            yield desk, letter


def _targets(options: dict[str, Any]) -> Iterator[Target]:
    for desk, selection in _desks(options):
        for chain in desk.chains(selection):
            yield desk, chain


def _desk_and_id(qualified_id: str) -> tuple[Desk, str]:
    service, id = parted(qualified_id)
    return _desk(service), id


def _desk(name: str) -> Desk:
    try:
        return Desk(engine(name))
    except LookupError as error:
        raise CommandError(str(error)) from error


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e6:
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return rate
