"""The API's description is whole, and says of each operation what a program has to know."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, path
from drf_spectacular.generators import SchemaGenerator
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from ecommerce.http import openapi
from ecommerce.http.deprecation import deprecated
from ecommerce.http.describing import operation
from ecommerce.http.problems import status_of
from ecommerce.http.shapes import Shape

METHODS = ("get", "post", "put", "patch", "delete")
DOCUMENT = Path(__file__).parents[4] / "docs" / "api.md"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for where, methods in document["paths"].items():
        for method, each in methods.items():
            yield where, method, each


def problems(document: dict[str, Any]) -> dict[str, int]:
    """The statuses of all types of problems that the document names."""
    found = {}
    for *_, each in operations(document):
        for status, answer in each["responses"].items():
            content = answer.get("content", {}).get("application/problem+json")
            if content:
                types = content["schema"]["allOf"][1]["properties"]["type"]["enum"]
                found |= dict.fromkeys(types, int(status))
    return found


def served(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of everything under /api/v1, from Django's own tables."""
    for each in patterns:
        where = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from served(each.url_patterns, where)
        elif isinstance(each, URLPattern) and where.startswith("api/v1/"):
            view: Any = each.callback
            named = re.sub("<str:([a-z_]+)>", lambda name: "{" + openapi._camel(name[1]) + "}", where)
            yield from ((method, f"/{named}") for method in METHODS if hasattr(view.view_class, method))


def described(view: type[APIView]) -> dict[str, Any]:
    """The document of this view alone."""
    patterns = [path("api/v1/view", view.as_view())]
    found: dict[str, Any] = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
    return found


def test_it_describes_all_that_is_served_and_nothing_else(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert sorted((method, path) for path, method, _ in operations(document)) == sorted(
        served(get_resolver().url_patterns)
    )


def test_each_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    names = [each["operationId"] for *_, each in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z][a-zA-Z]+", name) for name in names)
    assert all(each["summary"] for *_, each in operations(document))


def test_each_error_is_a_problem_with_a_type_of_its_status(document: dict[str, Any]) -> None:
    for where, method, each in operations(document):
        for status, answer in each["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (method, where, status)
    assert all(status_of(type.removeprefix("/problems/")) == status for type, status in problems(document).items())


def test_each_body_refuses_what_it_does_not_name(document: dict[str, Any]) -> None:
    bodies = {name: each for name, each in document["components"]["schemas"].items() if name.endswith("Request")}
    assert bodies
    assert all(each["additionalProperties"] is False for each in bodies.values())


def test_the_table_of_problems_in_the_documents_is_that_of_the_api(document: dict[str, Any]) -> None:
    rows = re.findall(r"^\| `(/problems/[a-z-]+)` \| (\d+) \|", DOCUMENT.read_text(), re.MULTILINE)
    told = {type: int(status) for type, status in rows}
    assert told == problems(document) | {"/problems/method-not-allowed": 405, "/problems/internal": 500}


def test_two_shapes_of_one_name_are_refused() -> None:
    class Twin(Shape):
        one: str

    first = Twin

    class Twin(Shape):  # type: ignore[no-redef]
        other: int

    class View(APIView):
        @operation("twins", "Twins", answers={200: first, 202: Twin})
        def get(self, request: Any) -> Response:
            return Response()

    with pytest.raises(AssertionError, match="two shapes have the name Twin"):
        described(View)


def test_what_comes_to_its_end_says_so_in_its_answers_and_in_the_document() -> None:
    class View(APIView):
        authentication_classes = ()
        permission_classes = ()

        @deprecated(
            since=datetime(2026, 1, 1, tzinfo=UTC), sunset=datetime(2027, 1, 1, tzinfo=UTC), instead="/api/v2/orders"
        )
        @operation("old", "An old one", answers={200: None})
        def get(self, request: Any) -> Response:
            return Response()

    answer = View.as_view()(APIRequestFactory().get("/"))
    assert answer["Deprecation"] == "@1767225600"
    assert answer["Sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert answer["Link"] == '</api/v2/orders>; rel="successor-version"'
    (*_, found), *_ = operations(described(View))
    assert (found["operationId"], found["deprecated"]) == ("old", True)
