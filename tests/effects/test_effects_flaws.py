"""Flaws: files that cannot be read as what their names say, and those of which nothing is said."""

from __future__ import annotations

import time

import pytest

from branchsim.effects import flaw

METADATA = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Package xmlns="http://soap.sforce.com/2006/04/metadata">\n%b</Package>\n'
)
LONG = 5.0  # seconds of the processor; quadratic work takes hours


@pytest.mark.parametrize(
    ("name", "sound", "broken"),
    [
        ("package.xml", METADATA % b"<types/>\n", METADATA % b"<types><types/>\n"),
        ("Admin.profile", METADATA % b"<custom>true</custom>\n", METADATA % b"<custom>true\n"),
        ("page.cmp", b"<aura:component><div/></aura:component>", b"<aura:component><div></aura:component>"),
        ("a.json", b'{"a": [1, 2]}', b'{"a": [1 2]}'),
        ("a.yml", b"a:\n  b: 1\n  c: 2\n", b"a:\n  b: 1\n c: 2\n"),
        ("a.toml", b"[a]\nb = 1\n", b"[a]\nb = 1\nb = 2\n"),
        ("a.html", b"<template><p class={c}>a<br>b</p></template>", b"<template><p class={c}>a</template></p>"),
        ("A.cls", b"class A { void f() { g('}'); } // }\n}", b"class A { void f() { g('}'); // }\n}"),
        ("a.py", b"def f(a):\n    return [a, ']', # ]\n  ]\n", b"def f(a):\n    return (a, ')'\n"),
        ("a.js", b"f(/[)]\\//, `)`, {a: 1 / 2});", b"f(/[)]\\//, `)`, {a: 1 / 2);"),
        ("a.go", b"func f() { g(`\\`) }", b"func f() { g(`\\`) "),
        ("a.php", b"<?php f(['a)' => 1]); # )\n", b"<?php f(['a)' => 1); # )\n"),
        ("a.css", b"a { b: c } /* } */", b"a { b: c } }"),
    ],
)
def test_a_file_that_lacks_a_closing_mark_has_a_flaw(name: str, sound: bytes, broken: bytes) -> None:
    assert flaw(name.encode(), sound) == ""
    assert flaw(name.encode(), broken)
    assert flaw(b"notes.txt", broken) == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"[" * 100_000),
        ("a.toml", b"a = " + b"[" * 100_000),
        ("a.yml", b"[" * 100_000),
        ("a.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;"),
        ("a.html", b"if (a <b && c) <p>"),
        ("a.js", b"(\0"),
        ("a.css", b"{" * 3_000_000),
    ],
)
def test_of_what_is_too_deep_too_large_or_not_understood_nothing_is_said(name: str, content: bytes) -> None:
    assert flaw(name.encode(), content) == ""


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a.js", "=/["),
        ("a.js", "`\\"),
        ("a.py", "'''\\"),
        ("a.c", "\"'\\"),
        ("a.c", "/*"),
        ("a.html", "<script>"),
        ("a.html", '<a "'),
    ],
)
def test_a_hostile_file_takes_no_long_time(name: str, unit: str) -> None:
    started = time.process_time()
    flaw(name.encode(), (unit * 400_000).encode())
    assert time.process_time() - started < LONG


def test_the_place_is_named_and_the_sentence_is_short() -> None:
    assert flaw(b"a.c", b"int f() {\n  g(1];\n}\n") == "brackets that do not match (], line 2)"
    assert flaw(b"a.html", b"<p>\n<b>\n</p>") == "tags that do not match (</p>, line 3)"
    assert len(flaw(b"a.html", b"</" + b"a" * 10_000 + b">")) <= 160
