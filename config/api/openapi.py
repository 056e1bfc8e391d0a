"""The OpenAPI document: openapi.toml says once what operations share, the rest is read from views and serializers.

A viewset's docstrings give summaries and descriptions, `extend_schema` its path parameters, its tag and the answers that its
serializer does not write; `responses` may name a DomainError, or several in a tuple. A serializer's examples stand under the
component's name in examples.json beside its module.
"""

# mypy: allow-untyped-calls
# drf-spectacular is typed in part.

import inspect
import json
import tomllib
from pathlib import Path
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, get_doc
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from config.api import errors
from config.api.permissions import requirement_of
from programs.api.refusals import RefusalSerializer
from programs.kernel.cleaning import NOT_BLANK
from programs.kernel.exceptions import DomainError, FieldError, ValidationFailed

_REQUEST_ID = "0198c0e1-52f4-7d0a-8b6e-3f9a1c2d4e5f"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
_SUMMARIES = {
    "list": "List {things}",
    "create": "Create one {thing}",
    "retrieve": "Read one {thing}",
    "partial_update": "Change one {thing}",
}
_VERBS = {"partial_update": "update", "destroy": "delete"}

_SHARED = tomllib.loads(Path(__file__).with_name("openapi.toml").read_text(encoding="utf-8"))
_ON_EVERY_ANSWER = [
    "X-Request-ID",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
]

# The messages of the refusals that come from the code; openapi.toml has examples of the others.
_MESSAGES = {500: errors.INTERNAL_ERROR, 503: errors.UNAVAILABLE}
_BAD_TAG = ValidationFailed([FieldError("tags[3]", "type", "Give a string.")])
_OWN_HEADERS = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}


class ErrorSerializer(RefusalSerializer):
    """The answer to every refused call."""

    code = serializers.ChoiceField(  # type: ignore[assignment]
        choices=list(errors.STATUS), help_text="What was refused, for machines."
    )
    request_id = serializers.CharField(help_text="As in the header X-Request-ID.")


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "config.api.authentication.ApiKeyAuthentication"
    name = ["ApiKey", "Bearer"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        scope = requirement_of(auto_schema.view).scope
        return [{name: [str(scope)]} for name in self.name]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return [
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            {"type": "http", "scheme": "bearer", "description": "The same key, as a token."},
        ]


class LaurelSchema(AutoSchema):
    """Reads one operation of the document from its view."""

    view: Any

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation:
            answers = operation["responses"]
            for status in answers.keys() & _SHARED["successes"].keys():
                answers[status]["description"] = _SHARED["successes"][status]
                answers[status]["headers"] = self._headers(_ON_EVERY_ANSWER)
            for status in _statuses_of_refusals(operation):
                answers.setdefault(str(status), self._shared_refusal(status))
            operation["responses"] = dict(sorted(answers.items()))
        return operation

    def get_operation_id(self) -> str:
        """Return a noun and a verb: `participants_list`, `events_by_key`, `balances_adjust`, `counters_set`.

        What a participant has, under a tag of its own, is named without them: `/v1/participants/{participant}/state/counters/{counter}`
        is `counters`. The path alone decides, so that another path never changes an id.
        """
        words = self._tokenize_path()
        if words[0] == "participants" and self.get_tags() != words[:1]:
            words = [word for word in words if word not in ("participants", "state")]
        verb = _VERBS.get(self.view.action, self.view.action)
        words = [word.replace("-", "_") for word in words]
        return "_".join(words if words[-1] == verb else [*words, verb])

    def get_tags(self) -> list[str]:
        return self._tokenize_path()[:1]

    def get_summary(self) -> str:
        if text := self._docstring():
            return text.partition("\n")[0].rstrip(".")
        model = self.view.queryset.model._meta
        things = {"thing": model.verbose_name, "things": model.verbose_name_plural}
        return _SUMMARIES[self.view.action].format(**things)

    def get_description(self) -> str:  # type: ignore[override]
        text = self._docstring()
        more = text.partition("\n")[2].strip() if text else get_doc(type(self.view))
        return f"{more}\n\nNeeds the scope `{requirement_of(self.view).scope}`.".strip()

    def _docstring(self) -> str:
        return get_doc(getattr(self.view, self.view.action))

    # Parameters and bodies.

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Whether the answer is a page; a participant's tags, for one, are a list without pages."""
        return self.view.action == "list" and hasattr(self.view, "sortings")

    def _process_override_parameters(self, direction: Any = "request") -> Any:
        """Of the path parameters that the viewset describes, only those that this path has."""
        described = super()._process_override_parameters(direction)
        for name, location in [*described]:
            if location == OpenApiParameter.PATH:
                parameter = described[name, location]
                [example] = parameter.pop("examples").values()
                parameter["example"] = example["value"]
                parameter["schema"] = _with_not_blank(parameter["schema"])
                if f"{{{name}}}" not in self.path:
                    del described[name, location]
        return described

    def _get_parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._get_parameters()
        for parameter in parameters:
            schema = parameter["schema"]
            is_text = schema.get("type") == "string" and not schema.keys() & {"enum", "format"}
            if parameter["in"] == OpenApiParameter.QUERY and is_text:
                parameter["schema"] = {**schema, "minLength": 1}  # an empty one is refused
        return sorted(parameters, key=lambda parameter: parameter["in"] != OpenApiParameter.PATH)

    def _get_filter_parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._get_filter_parameters()
        for parameter in parameters:
            parameter["description"] = parameter["description"].strip()
            extra = self.view.filterset_class.base_filters[parameter["name"]].extra
            if "max_length" in extra:
                parameter["schema"]["maxLength"] = extra["max_length"]
            for validator in extra.get("validators", ()):
                named = {**parameter["schema"], "pattern": validator.regex.pattern}
                parameter["schema"] = _with_not_blank(named)
        return parameters

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:
        if serializer is None or isinstance(serializer, serializers.ModelSerializer):
            return super()._get_request_for_media_type(serializer, direction)
        # Other bodies declare which fields may be left out, for PATCH too.
        component = self.resolve_serializer(serializer, direction)
        return component.ref, "required" in component.schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        schema.pop("description", None)
        # The first line of a docstring is for the API's users; an inherited docstring is about the code.
        if text := type(serializer).__dict__.get("__doc__"):
            schema["description"] = text.partition("\n")[0]
        if direction == "request":
            schema["additionalProperties"] = False
        elif isinstance(serializer, serializers.ModelSerializer):
            schema["required"] = list(schema["properties"])  # an answer has all of them
        for name, part in schema["properties"].items():
            schema["properties"][name] = part = _with_not_blank(part)
            if serializer.partial:
                part.pop("default", None)
        return schema

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, serializers.DateTimeField) and direction == "response":
            schema["pattern"] = _TIME
        if schema.get("oneOf") == [{}, {"type": "null"}]:
            del schema["oneOf"]  # any value; null would match both
        if None in schema.get("enum", ()):
            schema.pop("type", None)  # of two types, generators of clients make two enums
        return schema

    # Answers.

    def _get_examples(self, serializer: Any, direction: Any, *args: Any, **kwargs: Any) -> Any:
        """The examples of the serializer; of a list, a page with the first of them."""
        if serializer is None:
            return {}
        row = getattr(serializer, "child", serializer)
        examples = _examples_beside(type(row), self._get_serializer_name(serializer, direction))
        if direction == "response" and self._is_list_view():
            first = next(iter(examples.values()))["value"]
            last = {"has_more": False, "next_cursor": None}
            return {"page": {"value": {"data": [first], "pagination": last}}}
        return examples

    def _get_response_for_code(
        self, serializer: Any, status_code: str, *args: Any, **kwargs: Any
    ) -> Any:
        refusals = serializer if isinstance(serializer, tuple) else (serializer,)
        if all(isinstance(each, type) and issubclass(each, DomainError) for each in refusals):
            examples = _refusal_examples([refusal.example().as_dict() for refusal in refusals])
            description = "\n\n".join(refusal.message for refusal in refusals)
            return self._refusal(int(status_code), description, examples)
        return super()._get_response_for_code(serializer, status_code, *args, **kwargs)

    def _shared_refusal(self, status: int) -> dict[str, Any]:
        shared = _SHARED["refusals"][str(status)]
        bodies = [errors.body_of(status, _MESSAGES.get(status) or shared["message"])]
        if status == 400:
            bodies.insert(0, _BAD_TAG.as_dict())
        answer = self._refusal(status, shared["description"], _refusal_examples(bodies))
        return self._component("responses", shared["name"], answer)

    def _refusal(self, status: int, description: str, examples: Any) -> dict[str, Any]:
        schema = self.resolve_serializer(ErrorSerializer, "response").ref
        return {
            "description": description,
            "headers": self._headers([*_ON_EVERY_ANSWER, *_OWN_HEADERS.get(status, [])]),
            "content": {"application/json": {"schema": schema, "examples": examples}},
        }

    def _headers(self, names: list[str]) -> dict[str, Any]:
        return {name: self._component("headers", name, _SHARED["headers"][name]) for name in names}

    def _component(self, kind: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        component = ResolvedComponent(name, kind, schema, object=name)
        self.registry.register_on_missing(component)
        return component.ref


def _statuses_of_refusals(operation: dict[str, Any]) -> list[int]:
    parameters = operation.get("parameters", [])
    statuses = {400, 401, 403, 429, 500, 503}
    if "requestBody" in operation:
        statuses |= {408, 413, 415}
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses.add(404)
    return sorted(statuses)


def _refusal_examples(bodies: list[dict[str, object]]) -> dict[str, Any]:
    return {str(body["code"]): {"value": {**body, "request_id": _REQUEST_ID}} for body in bodies}


def _examples_beside(serializer: type, component: str) -> dict[str, Any]:
    """The component's examples in examples.json, which stands in the folder of the serializer's module."""
    path = Path(inspect.getfile(serializer)).with_name("examples.json")
    examples = json.loads(path.read_text(encoding="utf-8"))[component]
    return {title: {"value": value} for title, value in examples.items()}


def _with_not_blank(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "pattern": NOT_BLANK} if schema.get("pattern") == r"\S" else schema
