"""The document's schemas and operations as Python text."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

HEAD = '''"""A typed client of the HTTP API, printed from its OpenAPI document by `python -m api.client`: do not edit.

    with Client("http://127.0.0.1:8420", token) as pricing:
        pricing.preview({"customer": "cus_acme", "usage": {"calls": "120000"}})["total"]

Decimals are strings. A problem that the server answers is raised as `PricingError`.
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, NotRequired, TypedDict, cast

import httpx


class PricingError(Exception):
    """What the server refused: `status`, the problem's `code`, and the whole `problem`."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code', '')}: {problem.get('detail', '')}")
        self.status = status
        self.code = str(problem.get("code", ""))
        self.problem = problem


'''

CLIENT = '''class Client:
    """One server and one key. `httpx` says what else there is to say of a connection: `timeout`, `transport`, ..."""

    def __init__(self, url: str, token: str, **options: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, **options)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: Any = None,
    ) -> Any:
        response = self._http.request(
            method,
            path,
            params={name: value for name, value in (query or {}).items() if value is not None},
            headers={name: value for name, value in (headers or {}).items() if value is not None},
            json=body,
        )
        if response.is_error:
            try:
                problem = response.json()
            except ValueError:
                problem = {"detail": response.text}
            raise PricingError(response.status_code, problem)
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return response.json() if is_json else response.text
'''


def printed(document: Json) -> str:
    """The client's source. The same document gives the same text."""
    schemas = document["components"]["schemas"]
    blocks = [typed_dict(name, schema) for name, schema in sorted(schemas.items()) if is_record(schema)]
    return HEAD + "\n\n".join(blocks) + "\n\n\n" + CLIENT + "".join(methods(document))


def is_record(schema: Json) -> bool:
    return "properties" in schema


def typed_dict(name: str, schema: Json) -> str:
    """A schema of an object as a `TypedDict`, in the form that any field name allows."""
    required = set(schema.get("required", ()))
    fields = []
    for field, of in schema["properties"].items():
        kind = type_of(of)
        fields.append(f'        "{field}": {quoted(kind if field in required else f"NotRequired[{kind}]")},')
    return "\n".join([f"{name} = TypedDict(", f'    "{name}",', "    {", *fields, "    },", ")"])


def quoted(kind: str) -> str:
    return '"' + kind.replace('"', "'") + '"'


def type_of(schema: Json) -> str:
    """A schema as a type: what it does not say is `Any`."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rsplit("/", 1)[-1]
            return "Sequence[Event]" if name == "Events" else name
        case {"const": value}:
            return f"Literal[{value!r}]"
        case {"enum": values}:
            return f"Literal[{', '.join(repr(value) for value in values)}]"
        case {"anyOf": options} if "type" not in schema:
            kinds = list(dict.fromkeys(type_of(option) for option in options))
            return "Any" if "Any" in kinds else " | ".join(sorted(kinds, key=lambda kind: kind == "None"))
        case {"type": "array"}:
            return f"Sequence[{type_of(schema.get('items', {}))}]"
        case {"type": "object"} if "properties" not in schema:
            values = schema.get("additionalProperties")
            return f"Mapping[str, {type_of(values) if isinstance(values, Mapping) else 'Any'}]"
        case {"type": str(kind)}:
            return {"string": "str", "integer": "int", "boolean": "bool", "null": "None"}.get(kind, "Any")
        case _:
            return "Any"


def methods(document: Json) -> Iterator[str]:
    """A method for every operation, in the order of the document."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "text/event-stream" not in str(operation.get("responses")):
                yield method_of(path, method, operation)


def method_of(path: str, method: str, operation: Json) -> str:
    parameters: Sequence[Json] = operation.get("parameters", ())
    inside = [p for p in parameters if p["in"] == "path"]
    options = [p for p in parameters if p["in"] in ("query", "header")]
    signature = ["self", *(f"{python_name(p['name'])}: {type_of(p['schema'])}" for p in inside)]
    body = body_of(operation)
    if body is not None:
        signature.append(f"body: {body}")
    if options:
        signature.append("*")
        for each in sorted(options, key=lambda p: not p.get("required", False)):
            kind = type_of(each["schema"])
            default = "" if each.get("required") else " = None"
            kind = kind if each.get("required") or "None" in kind else f"{kind} | None"
            signature.append(f"{python_name(each['name'])}: {kind}{default}")
    result = result_of(operation)
    call = [repr(method.upper()), "f" + repr(python_path(path)) if inside else repr(path)]
    for place, name in (("query", "query"), ("header", "headers")):
        pairs = [f"{p['name']!r}: {python_name(p['name'])}" for p in options if p["in"] == place]
        if pairs:
            call.append(f"{name}={{{', '.join(pairs)}}}")
    if body is not None:
        call.append("body=body")
    about = operation.get("description") or operation["operationId"]
    return "\n".join(
        [
            "",
            f"    def {snake(operation['operationId'])}({', '.join(signature)}) -> {result}:",
            f'        """{about.strip()}"""',
            f"        return cast({quoted(result)}, self._call({', '.join(call)}))",
            "",
        ]
    )


def body_of(operation: Json) -> str | None:
    content = operation.get("requestBody", {}).get("content", {})
    return type_of(content["application/json"]["schema"]) if "application/json" in content else None


def result_of(operation: Json) -> str:
    for status, response in sorted(operation["responses"].items()):
        if str(status).startswith("2"):
            content = response.get("content", {})
            return type_of(content["application/json"].get("schema", {})) if "application/json" in content else "str"
    return "Any"


def python_path(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: "{" + python_name(found[1]) + "}", path)


def python_name(name: str) -> str:
    made = re.sub(r"\W", "_", name).lower()
    return f"{made}_" if keyword.iskeyword(made) else made


def snake(name: str) -> str:
    made = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    return f"{made}_" if keyword.iskeyword(made) else made
