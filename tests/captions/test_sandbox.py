"""The sandbox: ordinary templates work; no template is ever large, slow or able to leave."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gensup.captions import sandbox
from gensup.errors import GensupError

CONTEXT: dict[str, sandbox.Value] = {"name": "toy", "items": ("u", "v", "w"), "empty": (), "evil": "{{ 7 * 7 }}"}


def render(source: str) -> str:
    return sandbox.render(source, CONTEXT, where="t.j2")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ name ~ '!' ~ 1 }}", "toy!1"),
        ("{{ '-' * 3 }}{{ 2 ** 8 }} {{ 7 % 3 }} {{ 7 // 2 }} {{ 'a' + 'b' }}", "---256 1 3 ab"),
        (
            "{% for x in items %}{{ loop.index }}{{ x.upper() }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1U, 2V, 3W",
        ),
        ("{% for x in range(2) %}{% for y in range(2) %}{{ x }}{{ y }} {% endfor %}{% endfor %}", "00 01 10 11 "),
        (
            "{{ items | listed }};{{ items[:2] | listed }};{{ items[:1] | listed }};{{ empty | listed }}",
            "u, v and w;u and v;u;",
        ),
        ("{{ items | join('; ') | upper }} {{ items | length }} {{ items | last }}", "U; V; W 3 w"),
        ("{% set x = name.replace('o', '0') %}{{ x | replace('t', 'T') }}", "T0y"),
        ("{% for k, v in [('a', 1), ('b', 2)] %}{{ k }}{{ v }}{% endfor %}", "a1b2"),
        ("{{ 'yes' if name == 'toy' and name is defined else 'no' }}", "yes"),
        ("{% for x in items if x != 'u' %}{{ x }}{% else %}none{% endfor %}", "vw"),
        ("{{ evil }}", "{{ 7 * 7 }}"),
    ],
)
def test_ordinary_templates(source: str, text: str) -> None:
    assert render(source) == text


HUGE = [
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ [0] * 10**9 }}",
    "{{ items * 100000 }}",
    "{{ (items, items) * 4000 }}",
    "{{ 9**9**9 }}",
    "{{ 2.0 ** 5000 }}",
    "{{ (-1) ** 0.5 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ name ~ 'b' * 10**9 }}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x + x %}" * 60 + "{{ x }}",
    "{% set x = ['a', 'b'] %}" + "{% set x = [x, x] %}" * 60 + "{{ x == x }}",
    "{% set x = ('a', 'b') %}" + "{% set x = (x, x) %}" * 60 + "{{ x }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 'a'.format_map }}",
    "{{ 'a'.ljust(10**9) }}",
    "{{ 'a'.rjust(10**9) }}",
    "{{ 'a'.center(10**9) }}",
    "{{ 'a'.zfill(10**9) }}",
    "{{ 'a\t'.expandtabs(10**9) }}",
    "{{ 'a'.join(range(4000)) }}",
    "{{ ('a' * 2000).replace('a', 'b' * 2000) }}",
    "{{ ('a' * 2000) | replace('a', 'b' * 2000) }}",
    "{{ ('ab' * 1000) | join('b' * 2000) }}",
    "{{ name | center(10**9) }}",
    "{{ name | indent(10**9) }}",
    "{{ name | wordwrap(1, wrapstring='b' * 4000) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ name | tojson(10**9) }}",
    "{{ lipsum(10**9) }}",
    "{% for x in range(10**9) %}{% endfor %}",
    "{% for x in range(4000) %}{% for y in range(4000) %}{% endfor %}{% endfor %}",
    "{% for x in range(4000) if x in range(4000) and (x ~ x) %}{{ x ~ x }}{% endfor %}",
    "{% for x in range(4000) %}0123456789{% endfor %}",
    "{{ 99999999999999999999 }}",
    "{{ " + "9" * 6000 + " }}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{{ 1" + " + 1" * 3000 + " }}",
    "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "a" * 20_000,
]


@pytest.mark.parametrize("source", HUGE, ids=lambda source: source[:40])
def test_nothing_grows(source: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(GensupError, match=r"t\.j2"):
            render(source)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "source",
    [
        "{{ nothing }}",
        "{{ nothing.at.all }}",
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ name | attr('__class__') }}",
        "{{ range.__self__ }}",
        "{{ range }}",
        "{{ self }}",
        "{% for x in items %}{{ loop }}{% endfor %}",
        "{% for x in items %}{{ loop.cycle(name) }}{% endfor %}",
        "{% for x in items recursive %}{{ loop(items) }}{% endfor %}",
        "{% include 'x' %}",
        "{% import 'x' as x %}",
        "{% from 'x' import x %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% call f() %}{% endcall %}",
        "{% filter upper %}a{% endfilter %}",
        "{% set x %}a{% endset %}",
        "{{ {'a': 1} }}",
        "{{ namespace(a=1) }}",
        "{{ cycler(1) }}",
        "{{ 1 / 0 }}",
        "{{ name",
        "{% if %}",
    ],
)
def test_what_is_not_there_or_not_allowed(source: str) -> None:
    with pytest.raises(GensupError, match=r"t\.j2.*cannot be rendered"):
        render(source)


def test_only_plain_values_come_in() -> None:
    with pytest.raises(GensupError, match="a value of type dict"):
        sandbox.render("a", {"x": {}}, where="t.j2")  # type: ignore[dict-item]
    with pytest.raises(GensupError, match="a value of more than"):
        sandbox.render("a", {"x": "a" * 10_000}, where="t.j2")


def test_an_error_names_file_and_line() -> None:
    with pytest.raises(GensupError, match=r"^t\.j2:2: "):
        render("a\n{% nonsense %}")


def test_the_names_that_a_template_reads() -> None:
    assert sandbox.variables("{% set a = b %}{{ a }}{% for c in d %}{{ c }}{% endfor %}", "t.j2") == {"b", "d"}


@given(st.text("{}%|~*()'\" abx019.[],-+", max_size=60))
def test_any_text_renders_or_says_why(source: str) -> None:
    try:
        text = render(source)
    except GensupError:
        return
    assert len(text) <= sandbox.MAX_OUTPUT
