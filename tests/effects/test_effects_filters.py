from __future__ import annotations

import time

import pytest
from support.effects import line, lines, read

from branchsim.effects import (
    FILTERS,
    Attributes,
    Scene,
    Side,
    Sifted,
    What,
    arrivals,
    judge,
    sift,
    tokens,
    units_together,
)
from branchsim.effects.languages import PYTHON, inert_lines
from branchsim.effects.units import Version
from branchsim.topology import PathGlobs


def sifted(
    path: str,
    base: str,
    target: str,
    source: str,
    merged: str,
    *,
    attributes: Attributes | None = None,
    ignore: PathGlobs | None = None,
    newer: Side | None = None,
) -> Sifted:
    contents = {"base": base.encode(), "target": target.encode(), "source": source.encode(), "merged": merged.encode()}
    units = units_together(path.encode(), [Version(content) for content in contents.values()])
    scene = Scene(
        path=path.encode(),
        base=units[0],
        target=units[1],
        source=units[2],
        merged=units[3],
        contents=contents,
        attributes=attributes,
        ignore=ignore,
        newer=newer,
    )
    return sift(judge(*units), scene)


def lost(path: str, text: str, *, attributes: Attributes | None = None, ignore: PathGlobs | None = None) -> Sifted:
    """The target brought a text, and the result does not have it."""
    base, target = "common = 1\n", f"common = 1\n{text}"
    return sifted(path, base, target, base, base, attributes=attributes, ignore=ignore)


def test_a_lost_line_of_code_is_a_loss() -> None:
    assert [verdict.unit for verdict in lost("src/a.py", "fixed = compute(1)\n").losses] == [line("fixed = compute(1)")]


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("src/a.py", "# explain this line\n", "comment"),
        ("src/a.py", '"""Explain this.\n\nAnd this.\n"""\n', "comment"),
        ("src/a.py", "import unused\n", "import"),
        ("src/a.py", "from unused import (\n    one_name,\n    other_name,\n)\n", "import"),
        ("src/A.java", "/* Explain\n * this\n */\n", "comment"),
        ("src/A.cls", "// explain this line\n", "comment"),
        ("src/a.ts", "import {\n  one,\n  other,\n} from 'module'\n", "import"),
        ("src/a.go", 'import (\n\t"fmt"\n\t"strings"\n)\n', "import"),
        ("src/a.php", "use Doctrine\\ORM\\Query;\n", "import"),
        ("src/a.c", "#include <stdio.h>\n", "import"),
        ("src/a.rb", "require 'set'\n", "import"),
        ("src/a.html", "<!-- explain\n this -->\n", "comment"),
        ("a.lock", "dependency 1.2.3\n", "lock-file"),
        ("package-lock.json", "dependency 1.2.3\n", "lock-file"),
        ("CHANGELOG.md", "- fixed it\n", "change-log"),
        ("CHANGES", "* fixed it\n", "change-log"),
        ("vendor/lib/a.py", "fixed = compute(1)\n", "vendored"),
        ("dist/app.min.js", "fixed = compute(1)\n", "generated"),
        ("phpstan-baseline.neon", "fixed = compute(1)\n", "generated"),
        ("src/a.py", "else:\n", "generic"),
        ("src/a.py", "    return None\n", "generic"),
        ("src/a.html", "    </lightning-layout-item>\n", "generic"),
        ("src/a.translation", "<label><!-- Error message for the filter --></label>\n", "generic"),
    ],
)
def test_what_is_no_loss_is_counted_under_its_name(path: str, text: str, name: str) -> None:
    result = lost(path, text)
    assert not result.losses
    assert set(result.left_out) == {name}
    assert result.left_out.total() >= 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/changes.py", "fixed = compute(1)\n"),
        ("src/a.py", 'query = """\nselect names from people\n"""\n'),
        ("src/a.c", "#define LIMIT 100\n"),
        ("src/a.c", "*pointer = value;\n"),
        ("src/a.py", "timeout = 60\n"),
        ("docs/a.rst", "Explain this to people.\n"),
        ("src/importer.py", "importlib.reload(module)\n"),
        ("src/a.ts", "import('./page').then(show)\n"),
    ],
)
def test_what_only_looks_like_it_stays_a_loss(path: str, text: str) -> None:
    assert lost(path, text).losses


def test_an_import_whose_name_is_still_used_is_a_loss() -> None:
    base, target = "run()\n", "from fixes import patched\nrun()\n"
    assert sifted("a.py", base, target, "patched(1)\nrun()\n", "patched(1)\nrun()\n").losses
    other = "from elsewhere import patched\npatched(1)\nrun()\n"
    assert not sifted("a.py", base, target, other, other).losses


@pytest.mark.parametrize(
    ("before", "target", "source"),
    [
        ("__version__ = '1.0'\n", "__version__ = '1.1'\n", "__version__ = '2.0b1'\n"),
        (
            "version_info = (1, 0, 0, 'beta', 0)\n",
            "version_info = (1, 0, 1, 'final', 0)\n",
            "version_info = (1, 1, 0, 'beta', 0)\n",
        ),
        ("copyright 2007-2010 by us\n", "copyright 2007-2011 by us\n", "copyright 2007-2012 by us\n"),
        ("library version 1.0.0\n", "library version 1.0.1-servicing.26110.7\n", "library version 2.0.0-ci.main.3\n"),
        ("<version>1.0-SNAPSHOT</version>\n", "<version>1.0.1</version>\n", "<version>1.1-SNAPSHOT</version>\n"),
    ],
)
@pytest.mark.parametrize("winner", ["target", "source"])
def test_versions_and_years_are_no_losses_whoever_wins(before: str, target: str, source: str, winner: str) -> None:
    result = sifted("src/a.txt", before, target, source, {"target": target, "source": source}[winner])
    assert not result.losses
    assert set(result.left_out) == {"version"}


def test_a_line_that_was_wrapped_is_formatting() -> None:
    one, wrapped = "result = call(first, 'second')\n", 'result = call(\n    first,\n    "second",\n)\n'
    result = sifted("a.py", "pass it\n", f"pass it\n{one}", "pass it\n", f"pass it\n{wrapped}")
    assert not result.losses
    assert result.left_out["formatting"] == 1
    assert not sifted("a.py", one, wrapped, one, one).losses


@pytest.mark.parametrize("opening", ["text = \\\n", "send(\n", "parts = [one,\n", "send(\n# what is sent\n"])
def test_text_in_triple_quotes_is_no_documentation_where_the_line_before_goes_on(opening: str) -> None:
    text = f'{opening}"""\nsource the profile first\n"""\n'
    inert = inert_lines(text, PYTHON)
    assert "source the profile first" not in inert.comments
    assert "source the profile first" in inert_lines(text.removeprefix(opening), PYTHON).comments


def test_a_line_in_triple_quotes_is_documentation_in_one_place_and_a_text_in_another() -> None:
    line = '"""Log in once more."""'
    assert line in inert_lines(f"def again():\n    {line}\n    login()\n", PYTHON).comments
    assert line not in inert_lines(f"text = \\\n    {line}\n", PYTHON).comments


def test_a_mark_of_a_conflict_in_a_comment_is_a_comment() -> None:
    text, mark = "/*\none word\n{}*/\nint a;\n", "<<<<<<< HEAD\n"
    plain = text.format("")
    result = sifted("a.c", plain, plain, plain, text.format(mark))
    assert (result.losses, result.left_out["comment"]) == ((), 1)
    assert sifted("a.c", plain, plain, plain, plain + mark).losses


def test_a_comment_at_the_end_of_a_line_is_formatting_but_a_hash_in_a_string_is_not() -> None:
    base = "pass it\n"
    assert not sifted("a.py", base, f"{base}value = 1  # type: ignore\n", base, f"{base}value = 1\n").losses
    assert sifted("a.py", base, f"{base}value = ' #one'\n", base, f"{base}value = ' #two'\n").losses
    assert not sifted("a.ts", base, f"{base}value = 1; // note\n", base, f"{base}value = 1;\n").losses


def test_lines_that_were_joined_are_formatting() -> None:
    one, wrapped = "result = call(first, second)\n", "result = call(\n    first, second\n)\n"
    result = sifted("a.py", "pass it\n", f"pass it\n{wrapped}", "pass it\n", f"pass it\n{one}")
    assert not result.losses
    assert result.left_out["formatting"] == 2


def test_a_lost_argument_is_not_formatting_because_of_its_comma() -> None:
    short, long = "call(\n    first,\n)\n", "call(\n    first,\n    second,\n)\n"
    assert [verdict.unit.value for verdict in sifted("a.py", short, long, short, short).losses] == ["second,"]


def test_a_list_that_goes_on_has_lost_nothing_but_its_bracket() -> None:
    base, side = 'names = [\n    "one"]\n', 'names = [\n    "one", "two"]\n'
    merged = 'names = [\n    "one", "two",\n    "three"]\n'
    result = sifted("a.py", base, side, 'names = [\n    "one",\n    "three"]\n', merged)
    assert {each.side for each in result.losses} == {Side.SOURCE}
    assert result.left_out["formatting"] == 1
    assert sifted("a.py", base, side, base, 'names = [\n    "one", "two", "three"]\n').losses


def test_a_very_long_line_is_not_formatting() -> None:
    assert lost("a.py", "value = " + " + ".join(f"part_{n}" for n in range(1000)) + "\n").losses


@pytest.mark.parametrize(
    "other",
    [
        "result = call(second, first)\n",
        "result = call(first, -second)\n",
        "result = callfirst, second)\n",
        "result = call(first, second) + 1\n",
        "first = result = call(first, second)\n",
    ],
)
def test_other_tokens_are_not_formatting(other: str) -> None:
    assert sifted(
        "a.py", "pass it\n", "pass it\nresult = call(first, second)\n", "pass it\n", f"pass it\n{other}"
    ).losses


def test_the_same_change_in_another_layout_is_no_loss() -> None:
    result = sifted("a.py", "a  = old\n", "a = f( new )\n", "a = f(new)\n", "a = f(new)\n")
    assert not result.losses
    assert result.left_out == {"same-change": 1}


def test_a_line_that_moved_to_another_path_is_no_loss_but_another_line_is() -> None:
    here = judge(lines(), lines("moved text"), lines(), lines())
    there = judge(lines(), lines(), lines(), lines("moved text"))
    came = arrivals([here, there])
    assert came == {line("moved text"): 1}
    assert sift(here, Scene(path=b"a.py", arrivals=came)).left_out == {"moved": 1}
    assert sift(here, Scene(path=b"a.py", arrivals=arrivals([here]))).losses


def test_one_arrival_does_not_excuse_two_losses() -> None:
    here = judge(lines(), lines("moved text", "moved text"), lines(), lines())
    assert sift(here, Scene(path=b"a.py", arrivals={line("moved text"): 1})).losses


def test_a_newer_value_of_the_other_side_is_no_loss_and_an_older_one_is() -> None:
    old, mine, theirs = '{"dependency": "1.0.0"}', '{"dependency": "1.2.0"}', '{"dependency": "1.10.0"}'
    assert sifted("package.json", old, mine, theirs, theirs).left_out == {"newer-value": 1}
    assert sifted("package.json", old, mine, theirs, mine).losses
    assert sifted("package.json", old, mine, theirs, old).losses


def test_who_is_newer_can_be_said() -> None:
    old, mine, theirs = '{"colour": "red"}', '{"colour": "green"}', '{"colour": "blue"}'
    assert sifted("a.json", old, mine, theirs, theirs).losses
    assert not sifted("a.json", old, mine, theirs, theirs, newer=Side.SOURCE).losses
    assert sifted("a.json", old, mine, theirs, theirs, newer=Side.TARGET).losses


def test_an_empty_container_that_was_filled_is_no_loss() -> None:
    result = sifted("a.json", '{"a": {"x": 1}}', '{"a": {}}', '{"a": {"x": 1, "y": 2}}', '{"a": {"y": 2}}')
    assert not result.losses
    assert result.left_out == {"empty-container": 1}


def test_the_repository_decides_what_is_generated() -> None:
    attributes = Attributes({"": "*.txt linguist-generated\nvendor/** -linguist-vendored\n"})
    assert lost("notes.txt", "some lost text\n", attributes=attributes).left_out == {"generated": 1}
    assert lost("vendor/a.py", "some = lost\n", attributes=attributes).losses


def test_a_file_that_says_it_is_generated_is() -> None:
    head = "# Code generated by a tool. DO NOT EDIT.\n"
    assert not sifted("a.py", head, f"{head}fixed = 1\n", head, head).losses


def test_the_users_globs_come_first() -> None:
    assert lost("src/a.py", "fixed = compute(1)\n", ignore=PathGlobs(["src/"])).left_out == {"ignored": 1}


def test_many_losses_are_sifted_in_bounded_time() -> None:
    many = [f"result_{n} = compute({n}, other_{n})" for n in range(5000)]
    theirs = "".join(f"{row} + 1\n" for row in many)
    start = time.process_time()
    result = sifted("a.py", "common = 1\n", "\n".join(many), theirs, theirs)
    assert time.process_time() - start < 30
    assert len(result.losses) == 5000


def test_names_of_filters_are_unique() -> None:
    assert len({one.name for one in FILTERS}) == len(FILTERS)


def test_what_is_kept_or_new_is_neither_a_loss_nor_left_out() -> None:
    verdicts = judge(lines(), lines("kept text"), lines(), lines("kept text", "new text"), kept=True)
    assert {verdict.what for verdict in verdicts} == {What.KEPT, What.NEW}
    result = sift(verdicts, Scene(path=b"a.py"))
    assert not result.losses
    assert not result.left_out


def test_without_contents_single_lines_are_still_told() -> None:
    verdicts = judge(lines(), lines("# a comment", "import os", "code = 1"), lines(), lines())
    result = sift(verdicts, Scene(path=b"a.py", target=read("a.py", "")))
    assert [verdict.unit.value for verdict in result.losses] == ["code = 1"]
    assert result.left_out == {"comment": 1, "import": 1}


def module(version: str, switch: str) -> str:
    return f"version_info = {version}\n\n_in_development = {switch}\n\n\ndef run():\n    limit = 4\n"


def test_a_setting_beside_a_version_goes_with_it() -> None:
    target = module("(6, 0, 0)", "True")
    left = sifted("a.py", module("(5, 2, 0)", "True"), target, module("(5, 3, 0)", "False"), target)
    assert left.losses == ()
    assert left.left_out["release-switch"] == 2


def kernel(version: str, extra: str) -> str:
    return f"public const VERSION = '{version}';\npublic const EXTRA_VERSION = '{extra}';\n"


def test_a_constant_that_says_how_far_a_release_is_goes_with_its_version() -> None:
    target = kernel("1.6.0-DEV", "DEV")
    left = sifted("a.php", kernel("1.5.0-DEV", "DEV"), target, kernel("1.5.0", ""), target)
    assert left.losses == ()


def test_where_a_text_stood_in_the_code_says_nothing_in_a_file_of_translations() -> None:
    def text(line: int) -> str:
        return f'<message>\n  <location filename="widgets/a.py" line="{line}"/>\n</message>\n'

    assert sifted("de.ts", text(1), text(2), text(3), text(2)).losses == ()


def test_whether_the_attributes_of_a_tag_stand_on_one_line_or_on_one_each_does_not_matter() -> None:
    def page(tag: str) -> str:
        return f"<template>\n    <h1>One</h1>\n{tag}\n    <h2>Two</h2>\n</template>\n"

    spread = page('    <c-date\n        date={message.date}\n        class="stamp"\n    ></c-date>')
    joined = page('    <div class="inline"><c-date date={message.date} class="stamp"></c-date></div>')
    other = page('    <c-date date={message.date} class="small"></c-date>')
    base = page("    <p>{message.date}</p>")
    assert sifted("a.html", base, spread, joined, joined).losses == ()
    lost = {verdict.unit.value for verdict in sifted("a.html", base, spread, other, other).losses}
    assert 'class="stamp"' in lost
    assert "date={message.date}" not in lost


def test_where_an_element_of_a_flow_is_drawn_says_nothing() -> None:
    def flow(x: int, name: str) -> str:
        return (
            '<?xml version="1.0"?><Flow xmlns="http://soap.sforce.com/2006/04/metadata"><assignments>'
            f"<name>Begin</name><label>{name}</label><locationX>{x}</locationX><locationY>{x}</locationY>"
            "</assignments></Flow>"
        )

    left = sifted("flows/A.flow-meta.xml", flow(1, "One"), flow(1, "One"), flow(3, "Three"), flow(1, "One"))
    assert {verdict.unit.key[-1] for verdict in left.losses} == {"label"}
    assert left.left_out == {"generic": 4}


@pytest.mark.parametrize(
    ("root", "body", "one", "other", "name"),
    [
        (
            "Layout", "<summaryLayout><masterLabel>{}</masterLabel></summaryLayout>", "00h1x000000TKb1",
            "00h5I000000jj17", "generic",
        ),
        (
            "OmniScript", "<webComponentKey>{}</webComponentKey>", "3a56f527-631a-147e-88a3-26c1cd8fa7fb",
            "4657927b-b7a1-272b-4d09-1dd7e5d72982", "generic",
        ),
        ("Layout", "<summaryLayout><masterLabel>{}</masterLabel></summaryLayout>", "Summary", "Overview", ""),
    ],
)  # fmt: skip
def test_what_an_org_makes_up_when_it_saves_says_nothing(root: str, body: str, one: str, other: str, name: str) -> None:
    def page(value: str) -> str:
        space = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
        return f'<?xml version="1.0"?><{root} {space}>{body.format(value)}</{root}>'

    left = sifted("a/A.layout-meta.xml", page("x"), page(one), page(other), page(other))
    assert (left.losses == (), set(left.left_out)) == (bool(name), {name} - {""})


def test_what_a_line_of_releases_is_called_is_a_version() -> None:
    def package(alias: str, name: str = "a") -> str:
        return f'{{"name": "{name}", "extra": {{"branch-alias": {{"dev-main": "{alias}"}}}}}}'

    left = sifted("composer.json", package("3.x-dev"), package("3.x-dev"), package("3.2.x-dev"), package("4.x-dev"))
    assert (left.losses, left.left_out) == ((), {"version": 1})


def test_a_setting_beside_a_version_that_stays_is_a_change_like_any_other() -> None:
    base = module("(5, 2, 0)", "True")
    left = sifted("a.py", base, base, module("(5, 2, 0)", "False"), base)
    assert {verdict.unit.value for verdict in left.losses} == {"_in_development = False", "_in_development = True"}


def test_an_edit_of_layout_alone_is_nothing_to_lose() -> None:
    target = "total = add(one, two)\n"
    assert sifted("a.py", "total = one+two\n", target, "total = one + two\n", target).losses == ()


def test_the_package_versions_a_class_was_saved_against_are_versions() -> None:
    def meta(major: int) -> str:
        return (
            '<?xml version="1.0"?><ApexClass xmlns="http://soap.sforce.com/2006/04/metadata"><packageVersions>'
            f"<majorNumber>{major}</majorNumber><minorNumber>1</minorNumber><namespace>npe01</namespace>"
            "</packageVersions><status>Active</status></ApexClass>"
        )

    left = sifted("A.cls-meta.xml", meta(1), meta(1), meta(3), meta(1))
    assert left.losses == ()
    assert left.left_out["version"] == 2


def test_lines_that_were_read_before_are_forgotten_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_KNOWN", 3)
    monkeypatch.setattr(tokens, "_ROWS", {})
    text = "call(one,\ntwo,\n)\n"
    read = tokens.TokenText(text, tokens.rows_of(PYTHON))
    assert tokens.rows_of(PYTHON) is tokens.rows_of(PYTHON)
    assert tokens.rows_of(None) is not tokens.rows_of(PYTHON)
    assert not tokens.rows_of(None)
    # Four lines, the empty one among them, are more than three.
    assert not tokens.rows_of(PYTHON)
    wanted = tokens.tokens_of("call(one, two)", PYTHON)
    assert read.count(wanted) == tokens.TokenText(text).count(wanted) == 1
