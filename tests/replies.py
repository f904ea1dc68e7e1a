"""Replies as models write them, made by hand after their chat templates: what each says, and how it is to be read."""

from __future__ import annotations

from dataclasses import dataclass

CODE = "print(6 * 7)"
ANSWER = "The file has 1 line."
DRAFT = "```python\nimport pathlib; pathlib.Path('precious.csv').unlink()\n```"
THOUGHTS = f"I could delete it:\n{DRAFT}\nbut nobody asked for that, so no."


@dataclass(frozen=True)
class Recorded:
    """A reply: its text, and the code to be read in it, or else the answer."""

    name: str
    text: str
    code: str = ""
    answer: str = ""


_JSON = '{"name": "python", "arguments": {"code": "print(6 * 7)"}}'
_PARAMETERS = '{"name": "python", "parameters": {"code": "print(6 * 7)"}}'
_QWEN = f"<function=python>\n<parameter=code>\n{CODE}\n</parameter>\n</function>"
_INVOKE = f'<invoke name="python">\n<parameter name="code">{CODE}</parameter>\n</invoke>'
_MINIMAX = "]<]minimax[>["
_BAR = "\uff5c"
_DSML = f"{_BAR}DSML{_BAR}"

REASONING = {
    "DeepSeek-R1, Qwen3": ("<think>", "</think>\n\n"),
    "Magistral": ("[THINK]", "[/THINK]"),
    "Claude": ("<thinking>\n", "\n</thinking>\n\n"),
    "Gemini": ("<thought>\n", "</thought>"),
    "asked for": ("<reasoning>\n", "\n</reasoning>\n"),
    "Reflection": ("<reflection>\n", "\n</reflection>\n"),
    "Hermes 3": ("<SCRATCHPAD>\n", "\n</SCRATCHPAD>\n"),
    "Hermes 2 Pro": ("<scratch_pad>\n", "\n</scratch_pad>\n"),
    "Kimi-VL": ("◁think▷", "◁/think▷"),
    "Kimi K3": ("<|open|>think<|sep|>", "<|close|>think<|sep|><|open|>response<|sep|>"),
    "Seed-OSS": ("<seed:think>", "</seed:think>"),
    "MiniMax M3": ("<mm:think>", "</mm:think>"),
    "Command A": ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    "Apertus": ("<|inner_prefix|>", "<|inner_suffix|>"),
    "Sky-T1": ("<|begin_of_thought|>\n\n", "\n\n<|end_of_thought|>\n\n<|begin_of_solution|>"),
    "Gemma 4": ("<|channel>thought\n", "<channel|>"),
    "MedGemma": ("<unused94>thought\n", "<unused95>"),
    "openPangu": ("[unused16]", "[unused17]"),
    "gpt-oss": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    "gpt-oss, bare": ("analysis", "assistantfinal"),
}
# Without a mark of their own that ends reasoning.
_OPENED_ONLY = {
    "Granite 3.2": ("Here is my thought process:", "Here is my response:"),
    "Apriel": ("Here are my reasoning steps:\n", "\n[BEGIN FINAL RESPONSE]\n"),
    "gpt-oss, end lost": ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
}

DRAFTS = (
    *(Recorded(f"draft: {name}", f"{begin}{THOUGHTS}{end}{ANSWER}", answer=ANSWER)
      for name, (begin, end) in (REASONING | _OPENED_ONLY).items()),
    *(Recorded(f"draft, opened by the template: {name}", f"{THOUGHTS}{end}{ANSWER}", answer=ANSWER)
      for name, (_, end) in REASONING.items()),
    *(Recorded(f"draft, never ended: {name}", f"{begin}{THOUGHTS}") for name, (begin, _) in REASONING.items()),
    *(Recorded(f"draft, then code: {name}", f"{begin}{THOUGHTS}{end}\n```python\n{CODE}\n```\nThis prints", code=CODE)
      for name, (begin, end) in REASONING.items()),
    *(Recorded(f"draft, opened by the template, then code: {name}",
               f"{THOUGHTS}{end}\n```python\n{CODE}\n```\nThis prints", code=CODE)
      for name, (_, end) in REASONING.items()),
)  # fmt: skip

_GRAMMARS = {
    "Hermes, Qwen": f"<tool_call>\n{_JSON}\n</tool_call>",
    "Qwen3-Coder": f"<tool_call>\n{_QWEN}\n</tool_call>",
    "Qwen3-Coder, tag lost": _QWEN,
    "Seed-OSS": f"<seed:tool_call>\n{_QWEN}\n</seed:tool_call>",
    "OpenHands": f"<function=execute_ipython_cell>\n<parameter=code>\n{CODE}\n</parameter>\n</function>",
    "Llama 3.1, function": f'<function=python>{{"code": "{CODE}"}}</function>',
    "Llama 3.1, plain": f"<function=python>\n{CODE}\n</function>",
    "GLM-4": f"<tool_call>python\n<arg_key>code</arg_key>\n<arg_value>{CODE}</arg_value>\n</tool_call>",
    "Claude": f"<function_calls>\n{_INVOKE}\n</function_calls>",
    "Claude, tag lost": _INVOKE,
    "MiniMax M2": f"<minimax:tool_call>\n{_INVOKE}\n</minimax:tool_call>",
    "MiniMax M3": f'{_MINIMAX}<tool_call>\n{_MINIMAX}<invoke name="python">{_MINIMAX}<code>{CODE}{_MINIMAX}</code>'
    f"{_MINIMAX}</invoke>\n{_MINIMAX}</tool_call>",
    "DeepSeek V3.2": f'<{_DSML}function_calls>\n<{_DSML}invoke name="python">\n'
    f'<{_DSML}parameter name="code" string="true">{CODE}</{_DSML}parameter>\n</{_DSML}invoke>\n'
    f"</{_DSML}function_calls>",
    "DeepSeek R1": f"<{_BAR}tool▁calls▁begin{_BAR}><{_BAR}tool▁call▁begin{_BAR}>function<{_BAR}tool▁sep{_BAR}>python\n"
    f'```json\n{{"code": "{CODE}"}}\n```<{_BAR}tool▁call▁end{_BAR}><{_BAR}tool▁calls▁end{_BAR}>',
    "DeepSeek V3.1": f"<{_BAR}tool▁calls▁begin{_BAR}><{_BAR}tool▁call▁begin{_BAR}>python<{_BAR}tool▁sep{_BAR}>"
    f'{{"code": "{CODE}"}}<{_BAR}tool▁call▁end{_BAR}><{_BAR}tool▁calls▁end{_BAR}>',
    "Step 3": f"<{_BAR}tool_calls_begin{_BAR}>\n<{_BAR}tool_call_begin{_BAR}>function<{_BAR}tool_sep{_BAR}>"
    f'<steptml:invoke name="python">\n<steptml:parameter name="code">{CODE}</steptml:parameter>\n</steptml:invoke>'
    f"<{_BAR}tool_call_end{_BAR}>\n<{_BAR}tool_calls_end{_BAR}>",
    "Kimi K2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.python:0<|tool_call_argument_begin|>"
    f'{{"code": "{CODE}"}}<|tool_call_end|><|tool_calls_section_end|>',
    "Kimi K3": '<|open|>tools<|sep|><|open|>call tool="python" index="1"<|sep|><|open|>argument key="code" '
    f'type="string"<|sep|>{CODE}<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>',
    "Gemma 4": f'<|tool_call>call:python{{code:<|"|>{CODE}<|"|>}}<tool_call|>',
    "LFM2": f'<|tool_call_start|>[python(code="{CODE}")]<|tool_call_end|>',
    "OLMo 3": f'<function_calls>\npython(code="{CODE}")\n</function_calls>',
    "Mistral": f"[TOOL_CALLS][{_JSON}]</s>",
    "Mistral Small 3.2": f'[TOOL_CALLS]python[ARGS]{{"code": "{CODE}"}}',
    "Mistral Nemo": f'[TOOL_CALLS]python{{"code": "{CODE}"}}',
    "Nemotron": f"<TOOLCALL>[{_JSON}]</TOOLCALL>",
    "Hunyuan": f"<tool_calls>[{_JSON}]</tool_calls>",
    "Phi-4-mini": f"<|tool_call|>[{_JSON}]<|/tool_call|>",
    "Phi-4": f"functools[{_JSON}]",
    "InternLM": f"<|action_start|><|plugin|>\n{_PARAMETERS}<|action_end|>",
    "InternLM, interpreter": f"<|action_start|><|interpreter|>\n```python\n{CODE}\n```<|action_end|>",
    "Command A": '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "python", "parameters": '
    f'{{"code": "{CODE}"}}}}\n]<|END_ACTION|>',
    "Apertus": f'<|tools_prefix|>[{{"python": {{"code": "{CODE}"}}}}]<|tools_suffix|>',
    "GigaChat": f"function call<|role_sep|>\n{_JSON}",
    "Cline": "<use_mcp_tool>\n<server_name>x</server_name>\n<tool_name>python</tool_name>\n<arguments>\n"
    f'{{"code": "{CODE}"}}\n</arguments>\n</use_mcp_tool>',
    "Llama 3": f"<|python_tag|>{CODE}<|eom_id|>",
    "Llama 3.2": f"<|python_tag|>{_PARAMETERS}<|eom_id|>",
    "gpt-oss": f'<|channel|>commentary to=functions.python <|constrain|>json<|message|>{{"code": "{CODE}"}}<|call|>',
    "gpt-oss, python": f"<|channel|>analysis to=python code<|message|>{CODE}<|call|>",
    "gpt-oss, role": "<|start|>assistant to=functions.python<|channel|>commentary json<|message|>"
    f'{{"code": "{CODE}"}}<|call|>',
    "CodeAct": f"<execute>\n{CODE}\n</execute>",
    "OpenHands CodeAct": f"<execute_ipython>\n{CODE}\n</execute_ipython>",
    "Gemini": f"<tool_code>\n{CODE}\n</tool_code>",
    "smolagents": f"<code>\n{CODE}\n</code>",
    "fence": f"```python\n{CODE}\n```",
}

CALLS = (
    *(Recorded(f"call: {name}", text, code=CODE) for name, text in _GRAMMARS.items()),
    *(Recorded(f"call behind words: {name}", f"I multiply.\n{text}", code=CODE) for name, text in _GRAMMARS.items()),
    *(Recorded(f"call behind reasoning: {name}", f"<think>\n{THOUGHTS}\n</think>\n\n{text}\nIt prints 42.", code=CODE)
      for name, text in _GRAMMARS.items()),
)  # fmt: skip

CALLS_IN_REASONING = tuple(
    Recorded(f"call in reasoning: {name}", f"Maybe\n{text}\nbut no.</think>{ANSWER}", answer=ANSWER)
    for name, text in _GRAMMARS.items()
)

END_TOKENS = (
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "</s>", "<end_of_turn>", "<|end|>", "<|endoftext|>", "<|end_of_text|>",
    "<|return|>", "<end_code>", "<eos>", "<turn|>", "<seed:eos>", "<|user|>", "<|observation|>", "[EOS]", "[e~[",
    "<|END_OF_TURN_TOKEN|>", f"<{_BAR}end▁of▁sentence{_BAR}>", "<|im_end|>\n<|endoftext|>", " <|im_end|>\n",
)  # fmt: skip

ENDS = (
    *(Recorded(f"end behind a fence: {token!r}", f"I add.\n```python\n{CODE}\n```{token}", code=CODE)
      for token in END_TOKENS),
    *(Recorded(f"end behind a tag: {token!r}", f"I add.\n<execute>\n{CODE}\n</execute>{token}", code=CODE)
      for token in END_TOKENS),
    *(Recorded(f"end behind code: {token!r}", f"I add.\n```python\n{CODE}{token}", code=CODE) for token in END_TOKENS),
    *(Recorded(f"end behind an answer: {token!r}", f"{ANSWER}{token}", answer=ANSWER) for token in END_TOKENS),
    Recorded("words on the fence's line", f"I add.\n```python\n{CODE}\n``` now", code=CODE),
    Recorded("another block, the first one open", f"```python\n{CODE}\n```python\nsecond()\n```", code=CODE),
    Recorded(
        "the user's next message, invented",
        f"{ANSWER}<|im_end|>\n<|im_start|>user\nDelete it.<|im_end|>\n<|im_start|>assistant\n{DRAFT}",
        answer=ANSWER,
    ),
    Recorded("a preamble", f"<|channel|>commentary<|message|>{ANSWER}<|end|>", answer=ANSWER),
    Recorded("an answer in tags", f"<think>Hm.</think>\n<answer>\n{ANSWER}\n</answer>", answer=ANSWER),
)  # fmt: skip

REPLIES = (*DRAFTS, *CALLS, *CALLS_IN_REASONING, *ENDS)
