"""How replies are read: every format, mixed up, cut, streamed, and as hostile as text can be."""

from __future__ import annotations

import json
import re
import textwrap
import warnings
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeact_magic.formats import (
    CUT_OFF,
    EMPTY,
    NO_CODE,
    NO_JSON,
    SPECS,
    Reading,
    ReplySplitter,
    assistant_message,
    enough,
    may_be_reasoning,
    observation_message,
    read,
    split_reasoning,
    tags_as_fences,
    write,
    write_answer,
)
from codeact_magic.session import Format, Reply, ToolCall

FORMATS: tuple[Format, ...] = get_args(Format)
REASONED = "<think></think>\n"  # only behind reasoning that has ended is it known that what follows is none


def reading(text: str, finish: str = "stop", expected: Format = "fence") -> Reading:
    return read(Reply(text, finish=finish), expected)


def code_of(text: str, finish: str = "stop", expected: Format = "fence") -> str | None:
    """Return the code of a reply, or None if it is an answer. Fail if the reply has a fault."""
    result = reading(text, finish, expected)
    assert not result.fault
    return result.action.code if result.action else None


def called(arguments: str, text: str = "", finish: str = "tool_calls") -> Reading:
    calls = (ToolCall("call-7", "python", arguments), ToolCall("call-8", "python", '{"code": "second"}'))
    return read(Reply(text, tool_calls=calls, finish=finish))


# The formats, as they should be


@pytest.mark.parametrize("expected", FORMATS)
@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("I add.\n```python\nprint(1 + 1)\n```", "fence"),
        ("I add.\n<execute>\nprint(1 + 1)\n</execute>", "execute"),
        ("I add.\n<execute>print(1 + 1)</execute>", "execute"),
        ('I add.\n<tool_call>\n{"name": "python", "arguments": {"code": "print(1 + 1)"}}\n</tool_call>', "json"),
        ('I add.\n{"name": "python", "arguments": {"code": "print(1 + 1)"}}', "json"),
        ('I add.\n{"name": "python", "parameters": "{\\"code\\": \\"print(1 + 1)\\"}"}', "json"),
        ('{"thought": "I add.", "function": {"name": "f", "arguments": {"code": "print(1 + 1)"}}}', "json"),
        ('{"thought": "I add.", "code": "print(1 + 1)"}', "json"),
        ('```json\n{"thought": "I add.", "code": "print(1 + 1)"}\n```', "json"),
        ('```\n{"thought": "I add.", "code": "print(1 + 1)"}\n```', "json"),
        ('I add.\n{"code": "print(1 + 1)"}', "json"),
    ],
)
def test_every_format_is_read_whichever_was_requested(text: str, format: Format, expected: Format) -> None:
    result = reading(text, expected=expected)
    assert result.action is not None
    assert (result.action.code, result.action.format) == ("print(1 + 1)", format)
    assert (result.thought, result.fault) == ("I add.", "")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "code", ["x = 1", 'print("""\n```\n</not>\n```python\n""")', "if x:\n    y = '\\n\\t{}'", "é = '東京'"]
)
def test_the_code_of_the_examples_is_read_back(format: Format, code: str) -> None:
    message = write("I try.", code, format)
    calls = tuple(
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls", ())
    )
    result = read(Reply(message["content"], tool_calls=calls), format)
    assert result.action is not None
    assert (result.thought, result.action.code, result.action.format) == ("I try.", code, format)
    assert result.assistant_message == message["content"]


@pytest.mark.parametrize("format", FORMATS)
def test_the_answers_of_the_examples_are_read_back(format: Format) -> None:
    message = write_answer("It is 3 < 4.", format)
    assert read(Reply(message["content"]), format) == Reading("It is 3 < 4.", assistant_message=message["content"])


def test_a_native_tool_call_is_an_action() -> None:
    result = called('{"code": "print(1)\\n"}', text="I print.")
    assert result.action is not None
    assert (result.action.code, result.action.format, result.action.call_id) == ("print(1)", "tools", "call-7")
    assert (result.thought, result.assistant_message) == ("I print.", "I print.")


@pytest.mark.parametrize(
    "arguments",
    [
        '{"code": "print(1)"}',
        '{"python": "print(1)"}',
        '"print(1)"',
        "print(1)",
        '{"code": "print(1)"} and so on',
        '{"name": "python", "arguments": {"code": "print(1)"}}',
        '{"arguments": "{\\"code\\": \\"print(1)\\"}", "name": "python"}',
        '{"code": "```python", "code": "print(1)"}',
        '{"code": "print(1)"}<|im_end|>',
        "print(1)</s>",
    ],
)
def test_the_code_of_a_tool_call_is_found_however_it_is_wrapped(arguments: str) -> None:
    result = called(arguments)
    assert result.action is not None
    assert result.action.code == "print(1)"


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "{}",
        "null",
        "5",
        "[]",
        "true",
        '{"code": ""}',
        '{"code": 5}',
        '{"city": "Oslo"}',
        '{"code": "x',
        "no code here",
    ],
)
def test_a_tool_call_without_code_is_a_fault(arguments: str) -> None:
    result = called(arguments, text="I call.")
    assert result.action is None
    assert (result.fault, result.assistant_message) == (NO_CODE, "I call.")


def test_each_format_has_its_request_parameters() -> None:
    assert SPECS["fence"].stop == ("```output",)  # never a bare fence: it would end the code where it begins
    assert SPECS["execute"].stop == ("</execute>",)
    assert [tool["function"]["name"] for tool in SPECS["tools"].tools] == ["python"]
    assert SPECS["json"].response_format is not None
    assert not (SPECS["tools"].stop or SPECS["json"].stop or SPECS["fence"].tools or SPECS["tools"].response_format)


def test_messages_have_the_roles_that_endpoints_know() -> None:
    call = ToolCall("a", "python", "{}")
    function = {"name": "python", "arguments": "{}"}
    assert assistant_message("x") == {"role": "assistant", "content": "x"}
    assert assistant_message("x", call)["tool_calls"] == [{"id": "a", "type": "function", "function": function}]
    assert observation_message("x") == {"role": "user", "content": "x"}
    assert observation_message("x", "a") == {"role": "tool", "tool_call_id": "a", "content": "x"}


# Fences and tags, as they come


@pytest.mark.parametrize(
    "text",
    [
        "```python\nf()\n```",
        "```Python\nf()\n```",
        "``` python\nf()\n```",
        "```py\nf()\n```",
        "```python3\nf()\n```",
        "```ipython\nf()\n```",
        "```{python}\nf()\n```",
        "```{.python}\nf()\n```",
        "```python title=x.py\nf()\n```",
        "```tool_code\nf()\n```",
        "~~~python\nf()\n~~~",
        "````python\nf()\n````",
        "```python\n\n\nf()\n\n\n```",
        "```python\nf()   \n```  ",
        "  ```python\n  f()\n  ```",
        "- ```python\n  f()\n  ```",
        "1. First:\n\n   ```python\n   f()\n   ```",
        "2) ```python\n   f()\n   ```",
        "\t```python\n\tf()\n\t```",
        "```python\r\nf()\r\n```\r\n",
        "<execute>\r\nf()\r\n</execute>\r\n",
        "I do: ```python\nf()\n```",
        "```python\nf()```",
        "```python\nf()</execute>",
        "<execute>\nf()```",
        "```python\nf()",
        "```python\nf()\n",
        "<execute>\nf()",
        "<EXECUTE>f()</EXECUTE>",
        "```python\nf()\n</execute>",
        "<execute>\nf()\n```",
        "<execute>\n```python\nf()\n```\n</execute>",
        "<execute>\n```python\nf()\n</execute>",
        "<execute>\n```python\nf()\n```",
        "<execute>\n```\nf()\n```\n",
        "<execute>```python\nf()\n```</execute>",
        "<execute>\n\n  f()\n\n</execute>",
        "```\nf()\n```",
        "```\nf()",
        "```execute\nf()\n```",
        "```bash\npip install x\n```\nThen:\n```python\nf()\n```",
        "```\nan output\n```\n```python\nf()\n```",
        "~~~text\n```python\ng()\n```\n~~~\n```python\nf()\n```",
        "<think>```python\ng()\n```</think>```python\nf()\n```",
    ],
)  # fmt: skip
def test_code_is_found_however_it_is_marked(text: str) -> None:
    assert code_of(text) == "f()"


@pytest.mark.parametrize(
    "ending",
    ["\n```", "\n```\nOutput:\n4", "\n```\n```output\n4\n```", "\n```\n\n```python\nsecond()\n```", "\n</execute>\n4"],
)
def test_only_the_first_action_counts_and_the_rest_is_dropped(ending: str) -> None:
    result = reading(f"I add.\n```python\nprint(2 + 2){ending}")
    assert result.action is not None
    assert result.action.code == "print(2 + 2)"
    assert result.assistant_message == "I add.\n```python\nprint(2 + 2)\n```"


def test_text_after_an_action_in_json_is_dropped() -> None:
    call = '{"name": "python", "arguments": {"code": "print(1)"}}'
    assert reading(f"Now.\n{call}\nOutput: 1").assistant_message == f"Now.\n{call}"
    assert reading(f"Now.\n<tool_call>{call}\nOutput: 1").assistant_message == f"Now.\n<tool_call>{call}\n</tool_call>"
    assert reading(f"Now.\n```json\n{call}\n```\nOutput: 1").assistant_message == f"Now.\n```json\n{call}\n```"


def test_an_answer_beside_the_code_is_dropped_as_invented() -> None:
    result = reading('{"thought": "I add.", "code": "print(1)", "answer": "It is 7."}', expected="json")
    assert result.action is not None
    assert result.assistant_message == '{"thought": "I add.", "code": "print(1)"}'


@pytest.mark.parametrize("mark", ["```", "~~~", "````"])
@pytest.mark.parametrize(
    "code",
    [
        'text = """\n```\ncode\n```\n"""',
        "text = '''\n```python\nf()\n```\n\n~~~\n'''\nprint(text)",
        'def f():\n    """Do.\n\n    ```\n    >>> f()\n    ```\n    """\n\nf()',
        'print("</execute>")',
        "s = '```'",
    ],
)
def test_a_mark_inside_a_string_does_not_end_the_code(mark: str, code: str) -> None:
    assert code_of(f"Look:\n{mark}python\n{code}\n{mark}\nDone: 5") == code
    assert code_of(f"Look:\n<execute>\n{code}\n</execute>\nDone: 5") == code


@pytest.mark.parametrize(
    "magic", ["!pip install x", "%timeit f()", "files = !ls", "x = %pwd", "f?", "df.mean??", "if x:\n  !ls"]
)
def test_code_that_only_ipython_runs_is_found(magic: str) -> None:
    text = f"Look.\n```python\n{magic}\ny = 2\n```\nOutput: none"
    assert code_of(text) == f"{magic}\ny = 2"
    assert enough(REASONED + text) == len(REASONED) + text.index("\nOutput")


def test_a_cell_magic_ends_at_the_first_fence() -> None:
    assert code_of("```python\n%%bash\nls -l | wc\n```\nOutput") == "%%bash\nls -l | wc"


def test_code_that_does_not_parse_is_run_anyway() -> None:
    assert code_of("```python\nprint('a\n```\nThere.") == "print('a"


def test_reading_code_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert code_of(r"```python\nre.sub('\d', '', x) is 5\n```".replace(r"\n", "\n"))


def tidied(code: str) -> str:
    """Return `code` with the changes that a reader may make: line ends, blank lines around it, shared indentation."""
    lines = code.replace("\r\n", "\n").rstrip().split("\n")
    while len(lines) > 1 and not lines[0].strip(" \t"):
        del lines[0]
    kept = "\n".join(lines)
    return textwrap.dedent(kept) if kept[:1] in (" ", "\t") else kept


@pytest.mark.parametrize("format", ["fence", "execute"])
@given(st.text(st.characters(codec="utf-8", exclude_characters="`~<>\r")))
def test_code_is_kept_byte_for_byte(format: Format, code: str) -> None:
    opening, closing = {"fence": ("```python", "```"), "execute": ("<execute>", "</execute>")}[format]
    result = reading(f"{opening}\n{code}\n{closing}")
    assert (result.action.code if result.action else "") == tidied(code)


@given(st.text(st.characters(codec="utf-8")).filter(lambda code: code.strip("\n").rstrip()))
def test_code_in_a_tool_call_is_kept_byte_for_byte(code: str) -> None:
    result = called(json.dumps({"code": code}))
    assert result.action is not None
    assert result.action.code == tidied(code)


def test_halves_of_surrogate_pairs_do_not_get_into_the_code() -> None:
    result = called('{"code": "print(\'\\ud83d\\ude00 \\ud800\')"}')
    assert result.action is not None
    assert result.action.code == "print('😀 ?')"


# Answers


@pytest.mark.parametrize(
    "text",
    [
        "It is 5.",
        "Use `df.mean()` or `` `x` ``, with ```code``` if you like.",
        "Run this:\n```bash\npip install x\n```",
        "The query:\n```sql\nSELECT 1\n```",
        "The page:\n```html\n<execute>\n```",
        "The data:\n```json\n{\"name\": \"Ann\", \"code\": \"A1\"}\n```",
        "The data:\n```json\n[{\"code\": \"print(1)\"}]\n```",
        "The row is {\"name\": \"Ann\", \"code\": \"A1\"}.",
        "{\"name\": \"Ann\", \"code\": \"print(1)\", \"age\": 3}",
        "{\"code\": \"US\"}",
        "{\"answer\": \"It is 5.\"}",
        "{'name': 'Ann'} is the dict.",
        "{x, y} is the set, {\"name\": the name.",
        "The output:\n```\n42\n```",
        "The output:\n```\nAnn\n```",
        "The output:\n```\nsales.csv\n```",
        "The output:\n```\nName: Ann\nAge: 3\n```",
        "The output:\n```\n[1, 2, 3]\n```",
        "The output:\n```\n{'a': 1}\n```",
        "The output:\n```\n3 umbrella\n```",
        "The output:\n```\n   a  b\n0  1  2\n```",
        "The output:\n```\n-1.5 * 2 < 3\n```",
        "The output:\n```output\nf()\n```",
        "The output:\n```text\nf()\n```",
        "The traceback:\n```pytb\nraise\n```\n```python-traceback\nraise\n```",
        "The session:\n```pycon\n>>> f()\n```",
        "> ```python\n> f()\n> ```",
        "A comment:\n```\n# nothing\n```",
        "I write code between `<execute>` and `</execute>`, and calls in `<tool_call>`.",
        "```",
        "````",
        "a ``` b ``` c",
        "A report:\n```markdown\nx\n```python\nf()\n```\n```",
    ],
)  # fmt: skip
def test_a_reply_without_an_action_is_the_answer(text: str) -> None:
    result = reading(text)
    assert result == Reading(text, assistant_message=text)
    assert enough(text + "\nAnd more.") is None


@pytest.mark.parametrize(
    "code", ["x = 5", "import os", "print(5)", "df.head()", "for i in x:\n    pass", "x += 1", "!ls\nf()"]
)
def test_a_block_without_a_language_is_code_if_it_does_something(code: str) -> None:
    expected = None if code.startswith("!") else code
    assert code_of(f"Look.\n```\n{code}\n```\nThere.") == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"thought": "", "answer": "It is 5."}', "It is 5."),
        ('{"thought": "I know.", "answer": " It is 5. "}', "It is 5."),
        ('{"thought": "It is 5."}', "It is 5."),
        ('{"thought": "", "code": "", "answer": "It is 5."}', "It is 5."),
        ('{"answer": 5}', "5"),
        ('{"answer": ["é", 2]}', '["é", 2]'),
        ('```json\n{"answer": "It is 5."}\n```', "It is 5."),
        ('\n {"answer": "Line\none"} and so on', "Line\none"),
        ('{"answer": "Use:\n```python\nf()\n```"}', "Use:\n```python\nf()\n```"),
        ("It is 5.", "It is 5."),
    ],
)
def test_an_answer_in_json_is_read_if_json_was_requested(text: str, answer: str) -> None:
    result = reading(text, expected="json")
    assert (result.thought, result.action, result.fault) == (answer, None, "")
    assert text.strip().startswith(result.assistant_message.removesuffix("\n```"))


# Replies that cannot be used


@pytest.mark.parametrize("text", ["", " \n\t ", "<think>Hm.</think>", "<think>Hm.", "<think></think>\n"])
@pytest.mark.parametrize("expected", FORMATS)
def test_an_empty_reply_is_a_fault(text: str, expected: Format) -> None:
    result = reading(text, expected=expected)
    assert (result.action, result.fault, result.assistant_message) == (None, EMPTY, "")
    assert reading(text, "length", expected).fault == CUT_OFF


@pytest.mark.parametrize(
    "text",
    [
        "I try.\n```python\n```",
        "<execute></execute>",
        "<tool_call>\n</tool_call>",
        "<tool_call>{}",
        '<tool_call>{"name": "python"}</tool_call>',
        "```python\n\n",
        "```python",
    ],
)
def test_an_action_without_code_is_a_fault(text: str) -> None:
    result = reading(text)
    assert (result.action, result.fault, result.assistant_message) == (None, NO_CODE, text.strip())


@pytest.mark.parametrize("text", ['{"thought": "x", "code": "print("a")"}', '{"thought": ""}', '{"result": 5}', "{"])
def test_unreadable_json_is_a_fault_if_json_was_requested(text: str) -> None:
    assert reading(text, expected="json").fault == NO_JSON


@pytest.mark.parametrize(
    "text",
    [
        "```python\nimport os\nos.remove(",
        "```python\nimport os",
        "```\nimport os",
        "<execute>\nimport os",
        "<execute>\n```python\nimport os",
        "```python\ntext = '''\n```\nimport os",
        "```python",
        '<tool_call>{"name": "python", "arguments": {"code": "import os',
        '{"thought": "I clean up.", "code": "import os',
        '{"name": "python", "arguments": {"code": "import os',
        "<execute>\nprint('</execute>",
    ],
)
@pytest.mark.parametrize("finish", ["length", "content_filter", "whatever"])
def test_code_that_was_cut_off_never_runs(text: str, finish: str) -> None:
    result = reading(text, finish)
    assert result.action is None
    if finish == "length" or not text.startswith("{"):
        assert result.fault == CUT_OFF


def test_a_tool_call_that_was_cut_off_never_runs() -> None:
    assert called('{"code": "import os"}', finish="length") == Reading("", assistant_message="", fault=CUT_OFF)
    assert called('{"code": "import os', finish="length").fault == CUT_OFF


def test_code_that_was_complete_before_the_cut_runs() -> None:
    for text in (
        "```python\nf()\n```\nAnd th",
        "<execute>f()</execute> a",
        '{"thought": "", "code": "f()"} a',
        "```\nf()\n```\nA",
    ):
        assert code_of(text, "length") == "f()"


def test_an_answer_that_was_cut_off_is_an_answer() -> None:
    assert reading("The answer is fo", "length") == Reading("The answer is fo", assistant_message="The answer is fo")


def test_only_a_part_of_a_long_unusable_reply_is_kept() -> None:
    result = reading("```python\n" + "x = 1\n" * 10_000, "length")
    assert result.fault == CUT_OFF
    assert len(result.assistant_message) < 5_000


# Reasoning


@pytest.mark.parametrize(
    ("text", "reasoning", "rest"),
    [
        ("<think>Hm.</think>It is 5.", "Hm.", "It is 5."),
        ("\n<think>\nHm.\n</think>\n\nIt is 5.", "Hm.", "It is 5."),
        ("<think>a</think>\n<think>b</think>c", "a\nb", "c"),
        ("<think>Hm.", "Hm.", ""),
        ("Hm.\n</think>\n\nIt is 5.", "Hm.", "It is 5."),
        ("Hm.</think>\nIt is 5.", "Hm.", "It is 5."),
        ("It is 5.", "", "It is 5."),
        ("  It is 5.", "", "  It is 5."),
        ("The tag <think> begins it, and </think> ends it.", "", "The tag <think> begins it, and </think> ends it."),
        ("```python\ns.split('</think>')\n```", "", "```python\ns.split('</think>')\n```"),
        ("", "", ""),
    ],
)
def test_reasoning_is_split_off(text: str, reasoning: str, rest: str) -> None:
    assert split_reasoning(text) == (reasoning, rest)


BLOCK = "```python\nf()\n```"


@pytest.mark.parametrize(
    "text",
    [
        f"<think>\n{BLOCK}\n</think>\nIt is 5.",
        f"<think>\n{BLOCK}\nmore",
        f"<think>\n<execute>f()</execute>\n</think>\n<think>{BLOCK}</think>\nIt is 5.",
        f"I try.\n{BLOCK}\nBut no.\n</think>\nIt is 5.",
        "<think>Hm.</think><think><execute>f()</execute> more</think>It is 5.",
        f"Well.\n<think>\n{BLOCK}\n</think>\nIt is 5.",
        f"Well.\n<think>\n{BLOCK}\nmore",
        f"```text\n{5}\n```\n<think>\n{BLOCK}\n</think>\nIt is 5.",
    ],
)
def test_a_block_in_the_reasoning_is_never_run(text: str) -> None:
    assert reading(text).action is None
    if "<think>" in text:  # else nobody knows that it is reasoning, before it ends
        assert {enough(text[:length]) for length in range(len(text) + 1)} == {None}


def test_a_block_in_the_reasoning_is_never_run_while_it_is_streamed() -> None:
    text = f"<think>\nI could do\n{BLOCK}\nbut no.\n</think>\nI do\n```python\ng()\n```\nthis"
    assert {enough(text[:length]) for length in range(len(text) - 4)} == {None}
    assert enough(text) == text.index("\nthis")


def test_reasoning_in_a_field_of_its_own_is_never_run() -> None:
    result = read(Reply("It is 5.", reasoning=f"I try.\n{BLOCK}"))
    assert (result.action, result.reasoning) == (None, f"I try.\n{BLOCK}")


def test_reasoning_from_the_text_and_from_its_own_field_is_joined() -> None:
    assert read(Reply("<think>two</think>It is 5.", reasoning=" one ")).reasoning == "one\ntwo"
    assert called('{"code": "f()"}', text="<think>two</think>I call.").reasoning == "two"


# Prose and code in replies that are still being written


def parts(text: str, *, holds: bool = True, step: int | None = None) -> list[tuple[str, str]]:
    """Return the parts of a reply that comes in pieces of `step` characters; words of prose are joined."""
    splitter = ReplySplitter(holds)
    ends = range(step, len(text), step) if step else ()
    found = [part for end in ends for part in splitter.split(text[:end])]
    found += splitter.split(text, whole=True)
    joined: list[tuple[str, str]] = []
    for part in found:
        if part.kind == "prose" and joined and joined[-1][0] == "prose":
            joined[-1] = ("prose", joined[-1][1] + part.text)
        else:
            joined.append((part.kind, part.text))
    return joined


@pytest.mark.parametrize("step", [None, 1, 3])
@pytest.mark.parametrize(
    "text",
    ["I add.\n```py\n\nx = 1\ny = 2\n```\n", "I add.\n<execute>\n```python\nx = 1\ny = 2\n```\n</execute>\n"],
)
def test_prose_and_code_are_told_apart_while_a_reply_is_written(text: str, step: int | None) -> None:
    told = [part for part in parts(text, step=step) if part[0] not in ("line ends", "blank line")]
    assert told == [
        ("prose", "I add."),
        ("code begins", "python"),
        ("code", "x = 1"),
        ("code", "y = 2"),
        ("code ends", ""),
    ]


def test_code_begins_with_the_name_of_its_language() -> None:
    assert parts("```Bash\nls\n```")[0] == ("code begins", "bash")
    assert parts("```\nls\n```")[0] == ("code begins", "python")


def test_json_is_held_back_unless_it_is_text_like_any_other() -> None:
    text = 'I add.\n{"code": "x = 1"}\nDone.'
    assert parts(text) == [("prose", "I add."), ("line ends", "")]
    assert ("prose", '{"code": "x = 1"}') in parts(text, holds=False)


def test_a_reply_may_be_reasoning_while_its_first_tag_is_written() -> None:
    assert all(may_be_reasoning(text) for text in ["", " ", "\n<", "<thin"])
    assert not any(may_be_reasoning(text) for text in ["x", "<execute", "<think>x"])


def test_execute_tags_become_fences_in_markdown() -> None:
    assert tags_as_fences("I add.<execute>x = 1</execute>") == "I add.\n```python\nx = 1\n```\n"


# The first action of replies that are still being written


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("```python\nf()\n```\nOutput", "\nOutput"),
        ("```python\nf()\n```\n```output", "\n```output"),
        ("<execute>f()</execute> Output", " Output"),
        ("<execute>\n```python\nf()\n```\n</execute>\nOutput", "\n</execute>"),
        ('<tool_call>{"name": "python", "arguments": {"code": "f()"}}</tool_call>', "</tool_call>"),
        ('{"thought": "", "code": "f()"}\nOutput', "\nOutput"),
        ("```\nf()\n```\nOutput", "\nOutput"),
    ],
)
def test_a_reply_is_cut_after_its_first_action(text: str, end: str) -> None:
    assert enough(REASONED + text) == len(REASONED) + text.index(end)
    assert enough(f"The chat template opened this.</think>\n{text}") is not None
    assert enough(text) is None  # it may all be reasoning, which ends in a mark that has not come yet


@pytest.mark.parametrize(
    "text",
    [
        "", "I think", "```python\nf()", "```python\nf()\n```", "```python\nf()\n```\n \n", "<execute>f()</execute>\n",
        "```python\nx = '''\n```\ntext", "<execute>f(", "```bash\nls\n```\ntext", "```python\n```\ntext",
        '{"thought": "x", "code": "', '{"thought": "```python\nf()\n```\ntext', "<tool_call>{", "It is {5} and } more",
    ],
)  # fmt: skip
def test_a_reply_whose_action_may_go_on_is_not_cut(text: str) -> None:
    assert enough(text) is None
    assert enough(REASONED + text) is None


PIECES = [
    *[
        "```",
        "```python\n",
        "\n```\n",
        "~~~\n",
        "````",
        "```json\n",
        "```bash\n",
        "\n```",
        "<execute>",
        "</execute>",
        "`",
    ],
    *[
        "<tool_call>",
        "</tool_call>",
        '{"code": "f()"}',
        '{"thought": "x", "code": "',
        '"}',
        "{",
        "}",
        '"',
        "'",
        '"""',
        "\\",
    ],
    *[
        "f()",
        "x = 1\n",
        "Ann",
        "print('",
        "!ls\n",
        " ",
        "    ",
        "\n",
        "\r\n",
        "- ",
        "1. ",
        "text",
        "# ",
        "é",
        "<think>",
        "</think>",
    ],
    *["[THINK]", "[/THINK]", "<|channel|>analysis<|message|>", "<|channel|>final<|message|>", "<|end|>", "<|im_end|>"],
    *["<function=python>\n", "<parameter=code>\n", "</parameter>", "</function>", "<|python_tag|>", "[TOOL_CALLS]"],
    *["<code>\n", "</code>", "%%bash\n", "%%writefile a\n", "<<EOF\n", "python(code='f()')"],
]
SCRIBBLES = st.lists(st.sampled_from(PIECES), max_size=15).map("".join) | st.text()


@pytest.mark.parametrize("expected", FORMATS)
@pytest.mark.parametrize("beginning", ["", REASONED, "[THINK]Hm.[/THINK]\n", "Hm.</think>\n"])
@given(text=SCRIBBLES)
def test_cutting_a_reply_while_it_streams_keeps_its_action(expected: Format, beginning: str, text: str) -> None:
    text = beginning + text
    ends = {end for length in range(len(text) + 1) if (end := enough(text[:length])) is not None}
    assert len(ends) <= 1
    whole = reading(text, expected=expected)
    for end in ends:
        cut = reading(text[:end], "cut", expected)
        assert (cut.action, cut.thought, cut.assistant_message) == (
            whole.action,
            whole.thought,
            whole.assistant_message,
        )


@pytest.mark.parametrize("expected", FORMATS)
@pytest.mark.parametrize("finish", ["stop", "length", "cut", "tool_calls", ""])
@given(text=SCRIBBLES)
def test_any_text_can_be_read(text: str, finish: str, expected: Format) -> None:
    result = reading(text, finish, expected)
    assert not (result.action and result.fault)
    assert result.action is None or result.action.code.strip()
    assert result.thought or result.action or result.fault
    assert json.dumps(result.assistant_message, ensure_ascii=False).encode("utf-8")
    enough(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["code", "name", "arguments", "function", "x"]), inner)
    ),
)


@given(
    SCRIBBLES | JSON.map(json.dumps) | JSON.map(json.dumps).map(json.dumps),
    st.sampled_from(["stop", "length", "tool_calls"]),
)
def test_any_tool_call_can_be_read(arguments: str, finish: str) -> None:
    result = called(arguments, finish=finish)
    assert bool(result.action) != bool(result.fault)


@given(SCRIBBLES.filter(lambda text: "think>" not in text))
def test_the_assistant_message_is_read_as_the_same_action(code: str) -> None:
    result = reading(f"I try.\n~~~~~~python\n{code}\n~~~~~~")
    if result.action:
        again = reading(result.assistant_message)
        assert (again.action, again.assistant_message) == (result.action, result.assistant_message)


# Size


@pytest.mark.slow
@pytest.mark.timeout(60)  # each takes under a second, and hours where the time grows with the square
@pytest.mark.parametrize(
    "piece",
    [
        *["`", "~", "a```", "`a", "```\n", "```\nx\n```\n", "```\n```python\n```\n", "```bash\n", "```python\n"],
        *["```json\n{", "<execute>", "<execute>\n```\n", "</execute>", "<think>", "</think>", "</think>\n"],
        *["<tool_call>", "<tool_call>{", "<tool_call></tool_call>", "[", "(", "-", "1+", '{"code": [1, '],
        *["{", '{"code": ', '{"code": "', '{"code":1}', '{"code":"x = 1"}', '{"code":"x"}', '{"a":'],
        *[" ", "\n", "\t", "- ", "1. ", "- \n", "  \n", "a ", "\r", "\r\n"],
        *["[THINK]", "'</think>'", "x<think></think>", "<|im_end|>", "<|channel|>analysis<|message|>", "</parameter><"],
        *["<function=a>", "[TOOL_CALLS]", "<|python_tag|>", "assistantfinal", "%%bash\n", "<<A\n", "<code>\n"],
    ],
)
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    for whole in (text, f"```python\n{text}", f"x\n{text}\n```\n</tool_call>\n</execute>\nx"):
        assert reading(whole, "length")
        enough(whole)
    assert called(text)


@pytest.mark.slow
@pytest.mark.parametrize("code", ["x = 1\n", "x = (\n```\n", '{"code": '])
def test_a_long_reply_can_be_read_again_and_again(code: str) -> None:
    text = f"```python\n{code * 3_000}"
    assert {enough(text[:length]) for length in range(20, len(text), 20)} == {None}


def test_the_schema_for_json_names_the_keys_that_are_read() -> None:
    schema = SPECS["json"].response_format
    assert schema is not None
    assert re.findall(r"'(thought|code|answer)': \{", str(schema)) == ["thought", "code", "answer"]
