"""The marks that models write around their reasoning, their calls and the end of their turn: data, with sources.

Servers turn these marks into fields of the reply if they know the model. Otherwise they pass them on as text.
The sources are chat templates (of the models named), and the parsers that vLLM and SGLang have for them.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Reasoning(NamedTuple):
    """The marks around reasoning.

    `begin` is a literal, `end` a regular expression. If `lone`, an `end` without a `begin` ends reasoning that began
    with the reply: the chat template wrote the `begin`. Upper and lower case are the same.
    """

    begin: str
    end: str
    source: str
    lone: bool = True


def _tags(name: str, source: str) -> Reasoning:
    return Reasoning(f"<{name}>", f"</{name}>", source)


REASONING = (
    _tags("think", "DeepSeek-R1, Qwen3, QwQ, GLM-4.5, Kimi K2, MiniMax M2, Nemotron, Hunyuan"),
    _tags("thinking", "Claude, Reflection, models that are asked for it"),
    _tags("thought", "Gemini's OpenAI-compatible endpoint, EXAONE Deep"),
    _tags("reasoning", "models that are asked for it"),
    _tags("reflection", "Reflection"),
    _tags("scratchpad", "Hermes 3"),
    _tags("scratch_pad", "Hermes 2 Pro"),
    _tags("seed:think", "Seed-OSS"),
    _tags("mm:think", "MiniMax M3"),
    Reasoning("[THINK]", r"\[/THINK\]", "Magistral, Mistral Small 4"),
    Reasoning("◁think▷", "◁/think▷", "Kimi-VL, Kimi 1.5"),
    Reasoning("<|START_THINKING|>", r"<\|END_THINKING\|>", "Command A, Command R7B"),
    Reasoning("<|inner_prefix|>", r"<\|inner_suffix\|>", "Apertus"),
    Reasoning("<|begin_of_thought|>", r"<\|end_of_thought\|>", "Sky-T1, OpenThinker"),
    Reasoning("<|open|>think<|sep|>", r"<\|close\|>think<\|sep\|>", "Kimi K3"),
    Reasoning("<|channel>thought", r"<channel\|>", "Gemma 4"),
    Reasoning("<unused94>thought", "<unused95>", "MedGemma"),
    Reasoning("[unused16]", r"\[unused17\]", "openPangu"),
    Reasoning("<|channel|>analysis<|message|>", r"<\|end\|>|(?=<\|start\|>|<\|channel\|>)", "gpt-oss", lone=False),
    Reasoning(
        "<|start|>assistant<|channel|>analysis<|message|>",
        r"<\|end\|>|(?=<\|start\|>|<\|channel\|>)",
        "gpt-oss",
        lone=False,
    ),
    Reasoning(
        "<|channel|>", r"(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>", "gpt-oss, begun late"
    ),
    Reasoning("analysis", "assistantfinal", "gpt-oss, without its special tokens"),
    Reasoning("Here is my thought process:", "Here is my response:", "Granite 3.2", lone=False),
    Reasoning("Here are my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]", "Apriel"),
)

# What templates write before an answer.
HEADER = re.compile(
    r"(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>(?:final|commentary)(?:[ ]?<\|constrain\|>\w++)?<\|message\|>"
    r"|<\|open\|>response<\|sep\|>|<\|START_RESPONSE\|>|<\|START_TEXT\|>|\[BEGIN FINAL RESPONSE\]"
    r"|<\|im_start\|>assistant\b|<\|start_header_id\|>assistant<\|end_header_id\|>|<\|begin_of_solution\|>",
    re.IGNORECASE,
)

# The tokens that end a turn, or a part of it: servers that do not know a token as special pass it on as text.
END = (
    r"(?:<\|(?!python_tag|tool|open\||close\||sep\||plugin|interpreter|message\||channel|start\||constrain|action_start)"
    r"\w{1,30}+\|>"  # most models: <|im_end|>, <|eot_id|>, <|end|>, <|return|>
    r"|<\uff5cend[^<>\n\uff5c]{1,30}+\uff5c>"  # DeepSeek
    r"|<\|close\|>(?:response|message)<\|sep\|>"  # Kimi K3
    r"|</s>|<eos>|<end_of_turn>|<turn\|>|<end_code>|<\w{1,12}:eos>"  # Mistral, Gemma, smolagents, Seed-OSS
    r"|\[/?INST\]|\[EO[ST]\]|\[e~\[|\[END FINAL RESPONSE\])"  # Mistral, Kimi, MiniMax, Apriel
)
_END = re.compile(END, re.IGNORECASE)
_LONGEST_END = 40  # characters


def without_end(text: str) -> str:
    """Return `text` without the tokens at its end that end a turn; if there are none, unchanged."""
    whole = text
    while (stripped := text.rstrip()).endswith((">", "]", "[")):
        window = max(0, len(stripped) - _LONGEST_END)
        begins = [match.start() for match in _END_BEGINS.finditer(stripped, window)]
        ends = (start for start in begins if _END.fullmatch(stripped, start))
        start = next(ends, None)
        if start is None:
            break
        text = stripped[:start]
    return text.rstrip() if text is not whole else whole


_END_BEGINS = re.compile(r"[<\[]")

# The model goes on as somebody else: it has invented the user's next message.
ROLE = r"(?:<\|(?:im_start|start_header_id|start_of_role)\|>|<start_of_turn>|<\|turn>|\[INST\]|<\|user\|>)"
ANOTHER_TURN = rf"{END}\s*+{ROLE}"

CODE_KEYS = ("code", "python", "source", "script", "action_input")
_KEYS = "(?:" + "|".join(CODE_KEYS) + ")"
_SPACE = r"(?:[\w-]{1,20}+:|\uff5cDSML\uff5c)?"  # of an XML name: minimax:, seed:, steptml:, DeepSeek V3.2

# What begins a call that is written as text. Its name and arguments follow.
CALL = (
    r"(?:\]<\]minimax\[>\[)?(?:"
    + "|".join(
        (
            rf"<{_SPACE}(?:tool_calls?+|function_calls?+)>",  # Hermes, Qwen, GLM, Hunyuan, MiniMax, Seed-OSS, OLMo 3
            r"<TOOLCALL>",  # Nemotron
            r"\[TOOL_CALLS\]",  # Mistral
            rf"<{_SPACE}function=(?=[\w.])",  # Qwen3-Coder, OpenHands, Llama 3.1
            rf"<{_SPACE}invoke\s++name=",  # Claude, MiniMax M2, DeepSeek V3.2, Step 3
            r"<use_mcp_tool>",  # Cline, MiroThinker
            r"<\|tool_calls?+(?:_section_begin|_begin|_start)?+\|>",  # Kimi K2, LFM2, Granite, Phi-4-mini
            r"<\|tool_call>",  # Gemma 4
            r"<\uff5ctool▁calls?+▁begin\uff5c>|<\uff5ctool_calls?+_begin\uff5c>",  # DeepSeek R1 and V3, Step 3
            r"<\|action_start\|>(?!<\|interpreter)",  # InternLM
            r"<\|START_ACTION\|>",  # Command A
            r"<\|tools_prefix\|>",  # Apertus
            r"<\|open\|>tools<\|sep\|>",  # Kimi K3
            r"<\|python_tag\|>",  # Llama 3
            r"function call<\|role_sep\|>",  # GigaChat
            r"\bfunctools(?=\[)",  # Phi-4
            r"<execute_b(?:ash|rowse)>",  # OpenHands: nothing that runs here
        )
    )
    + ")"
)

# gpt-oss: a header with a recipient begins a call, one without begins reasoning, or words to the user.
CHANNEL = (
    r"(?:<\|end\|>)?(?:<\|start\|>assistant(?:[ ]to=[\w.]++)?)?<\|channel\|>(?:analysis|commentary|final)"
    r"(?:[ ]?to=[\w.]++)?(?:[ ]?(?:<\|constrain\|>)?[ ]?\w++)?[ ]?<\|message\|>"
)

# What begins plain code: tags (CodeAct, OpenHands, Gemini), <code> on a line of its own (smolagents), InternLM.
CODE_TAG = (
    r"<(?P<name>execute|execute_ipython|execute_python|tool_code)>|^<(?P<lines>code)>[ \t]*+(?=\n)"
    r"|<\|action_start\|><\|interpreter\|>"
)
# Tags around an answer, if it has been told apart from reasoning (Hunyuan, ERNIE, Reflection).
ANSWER = re.compile(r"<(answer|response|output|final_answer)>\s*+(?!<)(.*)</\1>", re.DOTALL | re.IGNORECASE)

# The argument of a call that holds the code, in each XML, and what ends it.
ARGUMENT = re.compile(
    rf"""<{_SPACE}parameter(?:=|\s++name=)["']?{_KEYS}["']?(?=[\s>])[^<>\n]*+>"""
    rf"|<arg_key>\s*+{_KEYS}\s*+</arg_key>\s*+<arg_value>"
    rf'|<\|open\|>argument[ ]key="{_KEYS}"[^<>\n]*+<\|sep\|>'
    rf"|<{_KEYS}>"
    rf'|\b{_KEYS}:<\|"\|>',
    re.IGNORECASE,
)
ARGUMENT_END = re.compile(
    rf"(?:\]<\]minimax\[>\[)?(?:</{_SPACE}parameter>|</arg_value>|<\|close\|>argument<\|sep\|>|</{_KEYS}>"
    r'|<\|"\|>)(?=\s*+(?:[<\]},]|\Z))',
    re.IGNORECASE,
)
CALL_END = re.compile(
    rf"</{_SPACE}(?:tool_calls?|function_calls?|function|invoke|TOOLCALL|use_mcp_tool|execute_bash|execute_browse)>"
    rf"|<\|/?\w*(?:_end|_suffix|tool_call)\|>|<\|END_ACTION\|>|<tool_call\|>|<\uff5ctool[^<>\n]{{1,20}}end\uff5c>|{END}",
    re.IGNORECASE,
)
