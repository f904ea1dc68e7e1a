"""How the replies of many models are read, however they are cut into pieces."""

from __future__ import annotations

import re

import pytest

from codeact_magic.agent import Request
from codeact_magic.formats import (
    NO_CODE,
    UNREADABLE,
    Reading,
    ReplySplitter,
    assistant_message,
    enough,
    read,
    split_reasoning,
    tags_as_fences,
)
from codeact_magic.model.reply_builder import ReplyBuilder
from codeact_magic.session import Format, Reply
from codeact_magic.testing import FakeEndpoint, Say

from .asking import model_of, stream_of
from .replies import ANSWER, CALLS, CODE, DRAFTS, REPLIES, Recorded

named = pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.name)
MARKUP = re.compile(r"<[/|\uff5c]|\|>|<\w+[=:>]|\[/?(?:THINK|TOOL)|assistantfinal|◁|```")


def reading(text: str, finish: str = "stop", expected: Format = "fence") -> Reading:
    return read(Reply(text, finish=finish), expected)


@named
def test_a_reply_is_read_as_what_the_model_meant(reply: Recorded) -> None:
    result = reading(reply.text)
    assert (result.action.code if result.action else "") == reply.code
    assert reading(reply.text, expected="execute") == reading(reply.text, expected="tools") == result
    assert bool(result.fault) == (not reply.code and not reply.answer)
    if reply.answer:
        assert result.thought == result.assistant_message == reply.answer
    assert not MARKUP.search(result.thought)
    assert "Path" not in result.thought
    if result.action:
        again = reading(result.assistant_message)
        assert again.action and again.action.code == result.action.code
        assert again.assistant_message == result.assistant_message


@named
def test_a_reply_reads_the_same_wherever_it_may_be_cut(reply: Recorded) -> None:
    """A reply is cut where a prefix allows it, so all prefixes together are all ways to cut it into pieces."""
    text = f"{reply.text}\n```output\n42\n```\n```python\nsecond()\n```" if reply.code else reply.text
    whole = reading(text)
    for length in range(len(text) + 1):
        end = enough(text[:length])
        if end is not None:
            cut = reading(text[:end], "cut")
            assert (cut.action, cut.thought, cut.assistant_message) == (
                whole.action,
                whole.thought,
                whole.assistant_message,
            )


@pytest.mark.parametrize("reply", DRAFTS, ids=lambda reply: reply.name)
@pytest.mark.parametrize("size", [1, 50])
def test_a_draft_never_runs_however_its_bytes_come(reply: Recorded, size: int) -> None:
    pieces = [{"content": reply.text[start : start + size]} for start in range(0, len(reply.text), size)]
    data = stream_of(*pieces)
    builder = ReplyBuilder(Request((), enough=enough))
    for start in range(0, len(data), 200):
        builder.feed(data[start : start + 200])
        if builder.is_cut:
            break
    result = read(builder.reply(0.0, "m"))
    assert (result.action.code if result.action else "") == reply.code


@pytest.mark.parametrize("reply", DRAFTS[::7], ids=lambda reply: reply.name)
@pytest.mark.parametrize("delay", [0.0, 0.002])
def test_a_draft_never_runs_however_slowly_it_comes(reply: Recorded, delay: float) -> None:
    with FakeEndpoint([Say(reply.text, chunk=9, delay=delay, ignore_stop=True)]) as endpoint:
        request = Request(({"role": "user", "content": "Go."},), enough=enough)
        result = read(model_of(endpoint).reply(request, lambda delta: None))
    assert (result.action.code if result.action else "") == reply.code


@pytest.mark.parametrize("reply", CALLS, ids=lambda reply: reply.name)
def test_a_call_that_was_cut_off_never_runs_in_part(reply: Recorded) -> None:
    begin = reply.text.index(CODE) if CODE in reply.text else reply.text.index("print(6")
    for length in range(begin + 1, begin + len("print(6 * ")):
        assert reading(reply.text[:length], "length").action is None


# Reasoning


@pytest.mark.parametrize(
    "text",
    [
        "Well. <think>\n```python\ndraft()\n```\n</think> It is 5.",
        "Well. [THINK]```python\ndraft()\n```[/THINK] It is 5.",
        "Well.\n<thinking>\n<execute>draft()</execute>\n</thinking>\nIt is 5.",
        "Well. <think>\n```python\ndraft()\n```\nand so on",
        "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>analysis<|message|>"
        "```python\ndraft()\n```<|end|>",
        "draft() # no, rather not</think>It is 5.",
        "```python\ndraft()  # no, rather not</think>It is 5.",
        "I don't.\n```python\ndraft()\n```\nI don't.</think>It's 5.",
    ],
)
def test_code_in_reasoning_is_no_action_wherever_it_stands(text: str) -> None:
    assert reading(text).action is None
    assert {enough(text[:length]) for length in range(len(text) + 1)} == {None}


@pytest.mark.parametrize(
    "code",
    [
        "s.split('</think>')",
        'print("a </think> b")',
        "re.sub(r'<think>.*?</think>', '', s)",
        'x = f"[/THINK]{y}"',
        "END = '<|im_end|>'",
        "text = '''<|im_start|>user\nHi<|im_end|>\n'''",
    ],
)
def test_marks_that_are_quoted_in_code_are_code(code: str) -> None:
    result = reading(f"I clean it.\n```python\n{code}\n```")
    assert result.action is not None
    assert result.action.code == code


@pytest.mark.parametrize(
    "text",
    [
        "The tag <think> begins it, and </think> ends it.",
        "Put `<function=python>` before it and `</think>` behind it.",
        'Set eos="<|im_end|>" for this.',
        "A <code>x</code> in HTML, [TOOLS] and [1].",
        "<response>\n<item/>\n</response>",
        "assistant final",
        "analysis of the data: it is 5.",
    ],
)
def test_an_answer_about_marks_stays_whole(text: str) -> None:
    assert reading(text) == Reading(text, assistant_message=text)


# Cell magics


README = "# Title\n\n```bash\npip install x\n```\n\n## Usage\nRun it."


@pytest.mark.parametrize(
    "cell",
    [
        f"%%writefile README.md\n{README}",
        f"%%markdown\n{README}",
        "%%writefile a.md\n````markdown\n```python\nf()\n```\n````\nThe end.",
        "%%writefile a.txt\nno fence",
        "%%bash\ncat > a.md <<'EOF'\nUse:\n```\npip install x\n```\nEOF\nls",
        "%%bash\ncat > a.md <<-EOF\n\t```bash\n\tls\n\t```\n\tEOF",
        "%%sh\ngit commit -m 'Say:\n```\nx\n```\n'",
        "%%bash\necho $((1 << 2)) # don't\ncat <<< word",
        '%%time\ntext = """\n```\nx\n```\n"""',
        "%%capture out\nprint('```')",
    ],
)
@pytest.mark.parametrize("around", ["```python\n{}\n```", "<execute>\n{}\n</execute>", "~~~~python\n{}\n~~~~\nDone."])
def test_a_cell_magic_is_read_whole_although_it_holds_fences(cell: str, around: str) -> None:
    if "````" in cell:
        around = around.replace("```python", "`````python").replace("\n```", "\n`````")
    result = reading(around.replace("{}", cell))
    assert result.action is not None, result.fault
    assert result.action.code == cell
    again = reading(result.assistant_message)
    assert again.action is not None
    assert again.action.code == cell


@pytest.mark.parametrize(
    "text",
    [
        "```python\n%%writefile a.md\nUse:\n```\npip install x\n```\nThe end.\n```",
        "```python\n%%writefile a.md\nUse:\n```bash\npip install x\n```",
        "```python\n%%bash\ncat > a.md <<EOF\n```\nx\n```\n",
        "```python\n%%html\n```\n<p>\n```\n</p>\n```\n",
        "<execute>\n%%writefile a.md\nIt ends in\n</execute>\nalways.\n</execute>",
        "<function=python>\n<parameter=code>\n%%writefile a.md\nIt ends in\n</parameter>\n</function>\nalways.\n"
        "</parameter>\n</function>",
    ],
)
def test_a_cell_magic_whose_end_cannot_be_told_is_refused(text: str) -> None:
    result = reading(text)
    assert (result.action, result.fault) == (None, UNREADABLE)
    assert reading(text, "length").action is None


def test_the_last_tag_of_a_page_belongs_to_it() -> None:
    result = reading("```python\n%%html\n<p>x</p>")
    assert result.action is not None
    assert result.action.code == "%%html\n<p>x</p>"


def test_a_cell_magic_in_a_call_is_whole() -> None:
    cell = f"%%writefile README.md\n{README}"
    text = f"<function=python>\n<parameter=code>\n{cell}\n</parameter>\n</function>"
    result = reading(text)
    assert result.action is not None
    assert result.action.code == cell


# Calls


@pytest.mark.parametrize(
    "text",
    [
        "<function=execute_bash>\n<parameter=command>ls</parameter>\n</function>",
        "<execute_bash>\nls\n</execute_bash>",
        '<invoke name="weather">\n<parameter name="city">Oslo</parameter>\n</invoke>',
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>",
        '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Oslo"}}]',
        "<function_calls>\n</function_calls>",
    ],
)
def test_a_call_of_something_else_is_a_fault(text: str) -> None:
    result = reading(f"I look.\n{text}")
    assert (result.action, result.fault, result.thought) == (None, NO_CODE, "I look.")


def test_entities_of_xml_are_read_if_the_code_parses_only_then() -> None:
    argument = "if 1 &lt; 2:\n    print(&quot;x&quot;)"
    result = reading(f'<invoke name="python"><parameter name="code">{argument}</parameter></invoke>')
    assert result.action is not None
    assert result.action.code == 'if 1 < 2:\n    print("x")'


def test_an_end_of_an_argument_inside_a_string_does_not_end_it() -> None:
    code = "text = '</parameter>\\n</function>'\nprint('</parameter>')"
    result = reading(f"<function=python>\n<parameter=code>\n{code}\n</parameter>\n</function>")
    assert result.action is not None
    assert result.action.code == code


# While a reply is being written


def parts(text: str, step: int | None) -> list[tuple[str, str]]:
    """Return the parts of a reply that comes in pieces of `step` characters; words of prose are joined."""
    splitter = ReplySplitter()
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


@named
def test_no_markup_is_shown_while_a_reply_is_written(reply: Recorded) -> None:
    text = split_reasoning(reply.text)[1]
    whole = parts(text, None)
    for step in (1, 2, 3, 7, 20):
        assert parts(text, step) == whole
    assert not any(MARKUP.search(words) for kind, words in whole if kind == "prose")
    assert not any("\n" in code for kind, code in whole if kind == "code")


@pytest.mark.parametrize("reply", CALLS, ids=lambda reply: reply.name)
def test_a_call_becomes_a_fence_in_markdown(reply: Recorded) -> None:
    text = split_reasoning(reply.text)[1]
    shown = tags_as_fences(text)
    assert "```" in shown or "<code>" in shown or "action_start" in shown
    assert "<function" not in shown and "<parameter" not in shown and "<tool_call>" not in shown


def test_fences_in_a_cell_magic_are_shown_as_its_lines() -> None:
    shown = parts(f"```python\n%%writefile README.md\n{README}\n```\nDone.", 3)
    assert [text for kind, text in shown if kind == "code"] == ["%%writefile README.md", *README.split("\n")]
    assert shown[-2:] == [("prose", "Done."), ("line ends", "")]


def test_the_message_of_an_answer_has_no_end_token() -> None:
    assert assistant_message(reading(f"{ANSWER}<|im_end|>").assistant_message)["content"] == ANSWER
