"""A strict parser of the part of PromQL that our dashboard and alerts use.

It follows https://prometheus.io/docs/prometheus/latest/querying/basics/ and raises ValueError for everything else.
"""

import re
from collections.abc import Iterator, Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"[^"\\]*"|'[^'\\]*')|(?P<duration>\d+(?:ms|[smhdwy]))|(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)
    |(?P<name>[a-zA-Z_][a-zA-Z0-9_:]*)|(?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^<>=(){}\[\],]))""",
    re.VERBOSE,
)
_AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk"}
_FUNCTIONS = {
    "rate": "range",
    "increase": "range",
    "delta": "range",
    "max_over_time": "range",
    "predict_linear": "range",
    "histogram_quantile": "vector",
    "clamp_min": "vector",
    "absent": "vector",
    "time": "vector",
}
_BINARY = {"+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"}
_MATCHES = {"=", "!=", "=~", "!~"}


class Selector(NamedTuple):
    """A metric in a query, the labels that the query needs of it, and whether it is read over a range."""

    metric: str
    labels: AbstractSet[str]
    has_range: bool


@dataclass
class _Use:
    metric: str
    labels: set[str]
    has_range: bool = False


def parse_query(text: str) -> list[Selector]:
    """Return the metrics of a query. Raises ValueError if it cannot be parsed."""
    parser = _Parser(list(_tokenize(text)))
    selectors = parser.expression()
    parser.expect("end", "")
    return [Selector(selector.metric, selector.labels, selector.has_range) for selector in selectors]


def _tokenize(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"no token at {text[position:]!r}")
        assert match.lastgroup is not None
        yield match.lastgroup, match[match.lastgroup]
        position = match.end()
    yield "end", ""


class _Parser:
    """A recursive descent. Precedence does not matter, because only the selectors are needed."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens

    def expect(self, kind: str, text: str = "") -> str:
        token = self._tokens.pop(0)
        if token[0] != kind or (text and token[1] != text):
            raise ValueError(f"{token[1]!r} instead of {text or kind!r}")
        return token[1]

    def expression(self) -> list[_Use]:
        selectors = self._operand()
        while self._tokens[0][1] in _BINARY:
            self._tokens.pop(0)
            matched = self._vector_matching()
            selectors += self._operand()
            for selector in selectors:
                selector.labels |= matched
        return selectors

    def _vector_matching(self) -> set[str]:
        labels = set[str]()
        if self._tokens[0][1] == "bool":
            self._tokens.pop(0)
        if self._tokens[0][1] in ("on", "ignoring"):
            self._tokens.pop(0)
            labels = self._label_list()
        if self._tokens[0][1] in ("group_left", "group_right"):
            self._tokens.pop(0)
            if self._tokens[0][1] == "(":
                labels |= self._label_list()
        return labels

    def _operand(self) -> list[_Use]:
        kind, text = self._tokens[0]
        if text in ("+", "-"):
            self._tokens.pop(0)
            return self._operand()
        if kind in ("number", "string"):
            self._tokens.pop(0)
            return []
        if text == "(":
            self._tokens.pop(0)
            selectors = self.expression()
            self.expect("sign", ")")
            return selectors
        name = self.expect("name")
        if name in _AGGREGATIONS:
            return self._aggregation()
        return self._call(name) if self._tokens[0][1] == "(" else [self._selector(name)]

    def _aggregation(self) -> list[_Use]:
        labels = self._grouping()
        selectors = self._arguments()
        labels |= self._grouping()
        for selector in selectors:
            selector.labels |= labels
        return selectors

    def _grouping(self) -> set[str]:
        if self._tokens[0][1] not in ("by", "without"):
            return set()
        self._tokens.pop(0)
        return self._label_list()

    def _call(self, function: str) -> list[_Use]:
        if function not in _FUNCTIONS:
            raise ValueError(f"{function} is no function that we use")
        selectors = self._arguments()
        if _FUNCTIONS[function] == "range" and not all(selector.has_range for selector in selectors):
            raise ValueError(f"{function} needs a range")
        if function == "histogram_quantile":
            for selector in selectors:
                selector.labels.add("le")
        return selectors

    def _arguments(self) -> list[_Use]:
        self.expect("sign", "(")
        selectors: list[_Use] = []
        while self._tokens[0][1] != ")":
            selectors += self.expression()
            if self._tokens[0][1] != ")":
                self.expect("sign", ",")
        self.expect("sign", ")")
        return selectors

    def _selector(self, metric: str) -> _Use:
        selector = _Use(metric, set())
        if self._tokens[0][1] == "{":
            selector.labels = self._matchers()
        if self._tokens[0][1] == "[":
            self._tokens.pop(0)
            self.expect("duration")
            self.expect("sign", "]")
            selector.has_range = True
        if self._tokens[0][1] == "offset":
            self._tokens.pop(0)
            self.expect("duration")
        return selector

    def _matchers(self) -> set[str]:
        self.expect("sign", "{")
        labels = set[str]()
        while self._tokens[0][1] != "}":
            labels.add(self.expect("name"))
            if self.expect("sign") not in _MATCHES:
                raise ValueError("a label without a match")
            self.expect("string")
            if self._tokens[0][1] != "}":
                self.expect("sign", ",")
        self.expect("sign", "}")
        return labels

    def _label_list(self) -> set[str]:
        self.expect("sign", "(")
        labels = set[str]()
        while self._tokens[0][1] != ")":
            labels.add(self.expect("name"))
            if self._tokens[0][1] != ")":
                self.expect("sign", ",")
        self.expect("sign", ")")
        return labels
