"""The OpenAPI 3.1 document: made of the views, so that it says what they do."""

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any, get_origin

import msgspec
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from ecommerce.http.describing import PROBLEMS
from ecommerce.http.permissions import Needs
from ecommerce.http.problems import CONTENT_TYPE, status_of, type_of
from ecommerce.http.rendering import encoded
from ecommerce.http.shapes import Problem, Shape

_REFERENCE = "#/components/schemas/{name}"
_SECONDS = {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds after which to try again"}
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": _SECONDS},
    503: {"Retry-After": _SECONDS},
}


def schema(request: HttpRequest) -> HttpResponse:
    """The document of what this process serves."""
    return HttpResponse(_document(), content_type="application/json")


@cache
def _document() -> bytes:
    return encoded(document())


def document() -> dict[str, Any]:
    """The document, as plain data."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


class Described(AutoSchema):
    """Knows answers that are `Shape`s, and the problems that follow from a view."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        by_status: dict[int, list[str]] = {}
        for kind in self._problems():
            by_status.setdefault(status_of(kind), []).append(kind)
        problems = {str(status): self._problem(status, kinds) for status, kinds in sorted(by_status.items())}
        return super()._get_response_bodies(direction) | problems

    def get_description(self) -> str:  # type: ignore[override]
        scopes = [f"Needs the scope `{each.scope}`." for each in self.view.get_permissions() if isinstance(each, Needs)]
        return "\n\n".join(filter(None, [super().get_description(), *scopes]))

    def _get_response_for_code(self, serializer: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        kind = get_origin(serializer) or serializer
        is_shape = isinstance(kind, type) and issubclass(kind, (list, Shape))
        answer = self._schema_of(serializer) if is_shape else serializer
        found: dict[str, Any] = super()._get_response_for_code(  # type: ignore[no-untyped-call]
            answer, *args, **kwargs
        )
        return found | {"description": found["description"] or HTTPStatus(int(args[0])).phrase}

    def _problems(self) -> Iterator[str]:
        if "requestBody" in self._body():
            yield from ("malformed", "validation", "too-large", "unsupported-media-type")
        elif any(parameter["in"] != "path" for parameter in self._get_parameters()):
            yield "validation"
        if any(parameter["name"] == "Idempotency-Key" for parameter in self._get_parameters()):
            yield "key-reused"
        if self.view.get_authenticators():
            yield "unauthenticated"
        if any(isinstance(each, Needs) for each in self.view.get_permissions()):
            yield "forbidden"
        if "{" in self.path:
            yield "not-found"
        if self.view.get_throttles():
            yield "throttled"
        yield "unavailable"
        yield from getattr(getattr(self.view, self.method.lower()), PROBLEMS, ())

    def _body(self) -> dict[str, Any]:
        body = self._get_request_body()  # type: ignore[no-untyped-call]
        return {"requestBody": body} if body else {}

    def _problem(self, status: int, kinds: list[str]) -> dict[str, Any]:
        types = {"type": "object", "properties": {"type": {"enum": [type_of(kind) for kind in dict.fromkeys(kinds)]}}}
        return {
            "description": ", ".join(dict.fromkeys(kinds)),
            "content": {CONTENT_TYPE: {"schema": {"allOf": [self._schema_of(Problem), types]}}},
        } | ({"headers": _HEADERS[status]} if status in _HEADERS else {})

    def _schema_of(self, shape: Any) -> dict[str, Any]:
        (found,), components = msgspec.json.schema_components([shape], ref_template=_REFERENCE)
        for name, each in components.items():
            component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, object=name, schema=_sent(each))
            known = self.registry._components.get(component.key, component)
            assert known.schema == component.schema, f"two shapes have the name {name}"
            self.registry.register_on_missing(component)
        return dict(found)


def _sent(schema: Any) -> Any:
    """A shape's schema as it is sent: decimals as numbers, and defaults are of no interest to who reads."""
    if isinstance(schema, list):
        return [_sent(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: "number" if name == "type" and schema.get("format") == "decimal" else _sent(each)
        for name, each in schema.items()
        if isinstance(each, dict) or name not in ("title", "default")
    }


def in_camel_case(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Names as the API has them: Python calls parameters otherwise, and msgspec the pages of lists."""
    names = {name: re.sub(r"^Page_(.*)_$", r"\1s", name) for name in result["components"]["schemas"]}
    for old, new in names.items():
        if old != new:
            result = _renamed(result, old, new)
    for path in list(result["paths"]):
        operations = result["paths"].pop(path)
        result["paths"][re.sub("{[a-z_]+}", lambda found: _camel(found[0]), path)] = operations
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["name"] = _camel(parameter["name"])
    return result


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {new if key == old else key: _renamed(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, old, new) for each in value]
    return value.replace(f"/{old}", f"/{new}") if isinstance(value, str) else value


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)


class StrictBody(OpenApiSerializerExtension):
    """No body may hold a field that it does not name."""

    target_class = "ecommerce.http.parsing.StrictSerializer"
    match_subclasses = True
    priority = 1

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        body = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        body.pop("description", None)  # that of the class, which is for who reads the code
        return {**body, "additionalProperties": False}


class TextField(OpenApiSerializerFieldExtension):
    """Something must be in it beside white space, unless it may be blank, and no control characters."""

    target_class = "ecommerce.http.parsing.Text"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        field = auto_schema._map_serializer_field(self.target, direction, bypass_extensions=True)
        if any(isinstance(each, RegexValidator) for each in self.target.validators):
            return dict(field)
        # Of a pattern beside its type, the library believes that it excludes what is empty.
        pattern = {"pattern": self.target.pattern}
        return field | ({"allOf": [pattern]} if self.target.allow_blank else pattern)


class AccessToken(OpenApiAuthenticationExtension):
    target_class = "ecommerce.http.authentication.TokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
