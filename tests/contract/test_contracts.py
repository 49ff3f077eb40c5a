"""The contracts in the repository, against the code: producers, consumers, documents."""

import shutil
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from django.core.management import CommandError, call_command

from deploy.local.places import ROOT
from ecommerce.contracts import committed
from ecommerce.contracts.schemas import Schema, events, example_of, schema_of
from ecommerce.inputs import Source
from ecommerce.messages import Envelope, Event, decode, encode
from ecommerce.reading import read_bytes
from ecommerce.registry import services
from ecommerce.service import Service

FOLDER = ROOT / "docs" / "contracts"
ASYNCAPI = ROOT / "frontend" / "ui" / "node_modules" / "@asyncapi" / "specs" / "schemas"
COMMITTED = committed.versions(FOLDER)
PUBLISHED = [(name, version) for name, known in COMMITTED.items() for version in known]
TAKERS = [
    (service, kind)
    for service in services()
    for kind in service.taker
    if isinstance(kind, type) and issubclass(kind, Event)
]


def example(name: str, version: str) -> Any:
    return example_of(COMMITTED[name][version], version)


def test_the_files_are_as_the_code_says() -> None:
    call_command("contracts", "--check")


def test_asyncapi_is_what_its_specification_says() -> None:
    document = msgspec.json.decode((FOLDER / "asyncapi.json").read_bytes())
    assert ASYNCAPI.exists(), "AsyncAPI's schemas are missing. Get them with: make install, with Node 20.19 or later"
    specification = msgspec.json.decode((ASYNCAPI / f"{document['asyncapi']}.json").read_bytes())
    validator = jsonschema.Draft7Validator(specification)
    assert [error.message for error in validator.iter_errors(document)] == []
    del document["info"]["version"]
    assert [error.message for error in validator.iter_errors(document)] != []


def test_what_the_services_publish_has_a_schema_of_its_version() -> None:
    assert {(kind.__name__, kind.version) for kind in events(services())} <= set(PUBLISHED)


@pytest.mark.parametrize(("name", "version"), PUBLISHED)
def test_an_example_is_what_its_schema_says(name: str, version: str) -> None:
    validator = jsonschema.Draft202012Validator(COMMITTED[name][version])
    assert [error.message for error in validator.iter_errors(example(name, version))] == []
    spoilt = example(name, version) | {"payload": {}}
    assert list(validator.iter_errors(spoilt)) != []


@pytest.mark.parametrize(("service", "kind"), TAKERS, ids=lambda each: getattr(each, "name", None) or each.__name__)
def test_each_consumer_reads_every_version_that_was_ever_published(service: Service, kind: type[Event]) -> None:
    for version in COMMITTED[kind.__name__]:
        given = example(kind.__name__, version)
        source = Source(topic=kind.topic, partition=0, offset=0, key=None, headers=())
        read = read_bytes(service, msgspec.json.encode(given), source)
        assert read is not None
        assert read.error is None
        assert read.envelope is not None
        assert read.envelope.version == kind.version if version in kind.upcasts else version


@pytest.mark.parametrize(("service", "kind"), TAKERS, ids=lambda each: getattr(each, "name", None) or each.__name__)
def test_what_a_consumer_takes_somebody_publishes_there(service: Service, kind: type[Event]) -> None:
    publishers = [each for each in services() if kind in each.publishes]
    assert [each.name for each in publishers] == [kind.topic.partition(".")[0]]
    assert kind.topic in service.topics


@pytest.mark.parametrize("kind", [*events(services())], ids=lambda kind: kind.__name__)
def test_what_is_published_is_what_its_schema_says(kind: type[Event]) -> None:
    # Through the class, as the engine does it: what the encoder writes, and not only what a decoder takes.
    envelope = decode(msgspec.json.encode(example_of(schema_of(kind), kind.version)), kind)
    assert isinstance(envelope, Envelope)
    jsonschema.validate(msgspec.json.decode(encode(envelope)), COMMITTED[kind.__name__][kind.version])


def test_a_reader_of_an_older_minor_version_reads_a_newer_one() -> None:
    newest = example("PaymentFailed", "1.1")
    schema = COMMITTED["PaymentFailed"]["1.0"]
    jsonschema.validate(newest, schema)


def test_references_of_the_asyncapi_document_lead_somewhere() -> None:
    document = msgspec.json.decode((FOLDER / "asyncapi.json").read_bytes())
    references = list(references_in(document))
    assert len(references) > 100
    for reference in references:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def references_in(document: Any) -> Any:
    if isinstance(document, dict):
        for name, each in document.items():
            if name == "$ref":
                yield each
            else:
                yield from references_in(each)
    elif isinstance(document, list):
        for each in document:
            yield from references_in(each)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "contracts")
    return tmp_path / "contracts"


def altered(path: Path, alter: Any) -> None:
    schema: Schema = msgspec.json.decode(path.read_bytes())
    alter(schema)
    path.write_bytes(msgspec.json.encode(schema))


def test_a_file_that_is_behind_the_code_is_found_and_written_anew(folder: Path) -> None:
    (folder / "openapi.json").write_text("{}")
    with pytest.raises(CommandError, match=r"not as the code says: openapi.json. Run: make contracts"):
        call_command("contracts", "--check", folder=folder)
    call_command("contracts", folder=folder, verbosity=0)
    assert (folder / "openapi.json").read_bytes() == (FOLDER / "openapi.json").read_bytes()


def test_a_breaking_change_is_refused_and_nothing_is_written(folder: Path) -> None:
    def needs_more(schema: Schema) -> None:
        schema["$defs"]["OrderShipped"]["properties"]["parcels"] = {"type": "integer"}
        schema["$defs"]["OrderShipped"]["required"].append("parcels")

    altered(folder / "events" / "OrderShipped" / "1.0.json", needs_more)
    (folder / "openapi.json").write_text("{}")
    with pytest.raises(CommandError, match=r"OrderShipped 1\.0 .*payload\.parcels"):
        call_command("contracts", folder=folder)
    assert (folder / "openapi.json").read_text() == "{}"
