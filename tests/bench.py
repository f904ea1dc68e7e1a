"""Measure what the package adds, as ratios against a floor measured in the same run: `python -m tests.bench`.

A step is timed at the endpoint: from the end of a response to the arrival of the next request. The floor is the openai
client and a bare `run_cell` in the same kernel, with the same replies; ours streams into the cell and saves each step.

Three times have no floor to compare with: Stop, the first sign of life in a cell, and a cell's first request where the
extension was loaded a while ago. The floor of a cold cell is the openai client in a kernel that has not imported it.
"""

from __future__ import annotations

import gc
import linecache
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client.manager import start_new_kernel

from codeact_magic.kernels.sent.describe import described
from codeact_magic.risk import Namespace, scan
from codeact_magic.testing import FakeEndpoint, Hang, Say, Scripted

from .kernels import NEWEST, Kernel, started

ROUNDS = 3
STEPS = (20, 200, 500)
LOADS = 11
STOPS = 5
COLD = 5
IDLE = 3.0  # seconds in which the extension prepares for the first turn

NAMES = 5000
CHAINED = 40  # functions of the user's, each of which calls the next one
SCANS = 15
CHAIN = """
def chained_{number}(values):
    doubled = [value * 2 for value in values]
    return chained_{next}(doubled) if values else doubled
"""
SCANNED = {
    "5 lines": """
means = name_1[0]
for value in sorted(name_2):
    means += value
print(means)
""",
    "200 lines": "total = sum(name_3)\nif total > 2:\n    print(round(total, 1))\nlast = total\n" * 50,
    "a call of 40 functions": "chained_0([1])",
}

FLOOR = """
import os
from openai import OpenAI
client = OpenAI(base_url={url!r}, api_key="none")
messages = [{{"role": "system", "content": "x" * 2000}}, {{"role": "user", "content": "go"}}]
for number in range({steps} + 1):
    text = ""
    for chunk in client.chat.completions.create(
        model="fake-model", messages=messages, stream=True, stream_options={{"include_usage": True}}
    ):
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
    messages.append({{"role": "assistant", "content": text}})
    if "```python" not in text:
        break
    code = text.split("```python\\n")[1].split("```")[0]
    get_ipython().run_cell(code, store_history=True)
    messages.append({{"role": "user", "content": "Output:\\n" + str(number)}})
"""
OURS = "%%codeact --new --approve auto --max-steps {most} --base-url {url} --model fake-model\ngo"
LOAD = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", {extension!r})
print(time.perf_counter() - began)
"""


def replies(steps: int) -> list[Say]:
    """Return a session's replies: short actions, none like another, and an answer."""
    thought = "The next number is worked out from the one before it, and shown so that it can be checked."
    code = "```python\nvalue_{n} = sum(range({n}, {n} + 1000))\nprint('value', {n}, value_{n})\n```"
    return [Say(f"{thought}\n{code.format(n=n)}") for n in range(steps)] + [Say("That is all.")]


def gaps(endpoint: FakeEndpoint) -> list[float]:
    """Return the milliseconds between the end of each answer and the next request."""
    arrived = [request.arrived for request in endpoint.requests if request.body]
    return [(later - ended) * 1e3 for ended, (_, later) in zip(endpoint.answered, pairwise(arrived), strict=False)]


def execute(client: Any, code: str) -> None:
    """Run a cell, and fail where it does."""
    reply = client.execute_interactive(code, timeout=600, output_hook=lambda message: None)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))


def measure(client: Any, cell: str, steps: int) -> list[float]:
    """Return the gaps of one session."""
    with FakeEndpoint(replies(steps)) as endpoint:
        execute(client, cell.format(url=endpoint.base_url, steps=steps, most=steps + 1))
        return gaps(endpoint)


def bench_steps() -> None:
    """Print the time per step, ours against the floor, in rounds that take turns."""
    with tempfile.TemporaryDirectory() as folder:
        manager, client = start_new_kernel(kernel_name="python3", cwd=folder)
        try:
            execute(client, "%load_ext codeact_magic\n%config CodeAct.max_tokens_per_turn = 0")
            for cell in (FLOOR, OURS):  # imports and first connections
                measure(client, cell, 3)
            medians: dict[int, float] = {}
            print(
                f"{'steps':>6} {'floor ms':>9} {'ours ms':>9} {'ratio':>6}   (medians of {ROUNDS} rounds, taking turns)"
            )
            for steps in STEPS:
                floor: list[float] = []
                ours: list[float] = []
                for _ in range(ROUNDS):
                    floor += measure(client, FLOOR, steps)
                    ours += measure(client, OURS, steps)
                medians[steps] = statistics.median(ours)
                ratio = medians[steps] / statistics.median(floor)
                print(f"{steps:>6} {statistics.median(floor):>9.2f} {medians[steps]:>9.2f} {ratio:>6.2f}")
            for steps in STEPS[1:]:
                print(f"a step of {steps} takes {medians[steps] / medians[STEPS[0]]:.2f} times one of {STEPS[0]}")
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def bench_load() -> None:
    """Print how long loading the extension takes over an idle IPython, against loading one that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "idle_extension.py").write_text("def load_ipython_extension(shell): pass\n")
        times = {}
        for extension in ("idle_extension", "codeact_magic"):
            environment = os.environ | {"PYTHONPATH": folder, "IPYTHONDIR": folder}
            runs = [
                subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", LOAD.format(extension=extension)],
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                for _ in range(LOADS)
            ]
            times[extension] = statistics.median(float(done.stdout.split()[-1]) for done in runs) * 1e3
        idle, ours = times["idle_extension"], times["codeact_magic"]
        print(f"loading: {ours:.1f} ms, an extension that does nothing {idle:.1f} ms (medians of {LOADS})")


def cold_time(cell: str, idle: float) -> float:
    """Return the milliseconds from the start of the first cell to its first request, `idle` seconds after loading."""
    with tempfile.TemporaryDirectory() as folder, FakeEndpoint(replies(0)) as endpoint:
        manager, client = start_new_kernel(kernel_name="python3", cwd=folder)
        try:
            execute(client, "%load_ext codeact_magic")
            time.sleep(idle)
            began = time.perf_counter()
            execute(client, cell.format(url=endpoint.base_url, steps=0, most=1))
            return (endpoint.requests[0].arrived - began) * 1e3
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def bench_cold() -> None:
    """Print how long the first cell takes to its first request."""
    kinds = {"the openai client": (FLOOR, 0.0), "ours at once": (OURS, 0.0), "ours after a pause": (OURS, IDLE)}
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(COLD):
        for kind, (cell, idle) in kinds.items():
            times[kind].append(cold_time(cell, idle))
    shown = ", ".join(f"{kind} {statistics.median(took):.0f} ms" for kind, took in times.items())
    print(f"first cell to its request: {shown} (medians of {COLD})")


def sign_time(kernel: Kernel) -> float:
    """Return the milliseconds from the start of a cell until it shows that it thinks."""
    with FakeEndpoint([Hang(headers=True)]) as endpoint:
        began = time.perf_counter()
        run = kernel.begin(OURS.format(most=2, url=endpoint.base_url))
        run.wait(lambda: any("thinking" in text for text in run.markdown))
        took = (time.perf_counter() - began) * 1e3
        kernel.interrupt()
        run.finish()
        return took


def bench_sign() -> None:
    """Print how long a cell takes until it shows that it thinks."""
    times = []
    with tempfile.TemporaryDirectory() as folder, started(NEWEST, Path(folder)) as kernel:
        kernel.run("%load_ext codeact_magic")
        time.sleep(IDLE)
        for _ in range(COLD):
            times.append(sign_time(kernel))
    first, *later = times
    print(f"first sign in a cell: {first:.0f} ms, in later cells {statistics.median(later):.0f} ms")


def bench_scan() -> None:
    """Print how long a scan takes if only names are known, and if the kernel tells what they stand for."""
    source = "".join(CHAIN.format(number=number, next=number + 1) for number in range(CHAINED))
    linecache.cache["<bench>"] = (len(source), None, source.splitlines(keepends=True), "<bench>")
    space: dict[str, Any] = {f"name_{number}": [number] for number in range(NAMES)}
    exec(compile(source, "<bench>", "exec"), space)
    transform = TransformerManager().transform_cell  # type: ignore[no-untyped-call]
    live = Namespace(space, lambda names: described(space, names), transform, ["ls"])
    for what, code in SCANNED.items():
        plain = milliseconds(lambda code=code: scan(code, live.names))  # type: ignore[misc]
        told = milliseconds(lambda code=code: scan(code, live))  # type: ignore[misc]
        print(f"scan of {what} among {NAMES:,} names: {plain:.1f} ms; {told:.1f} ms with what the names stand for")


def milliseconds(call: Callable[[], object]) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(SCANS):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def stop_time(kernel: Kernel, reply: Scripted) -> float:
    """Return the milliseconds from Stop to the end of the cell, while the model is silent or the code runs."""
    with FakeEndpoint([reply]) as endpoint:
        run = kernel.begin(OURS.format(most=2, url=endpoint.base_url))
        if isinstance(reply, Hang):
            endpoint.wait_for_requests(1)
        else:
            run.wait(lambda: "begun" in run.text)
        began = time.perf_counter()
        kernel.interrupt()
        run.finish()
        return (time.perf_counter() - began) * 1e3


def bench_stop() -> None:
    """Print how long Stop takes until the cell is over."""
    phases: dict[str, Scripted] = {
        "the model is silent": Hang(headers=True),
        "code is busy": Say("```python\nprint('begun')\nwhile True: pass\n```"),
        "code sleeps": Say("```python\nprint('begun')\n__import__('time').sleep(600)\n```"),
    }
    with tempfile.TemporaryDirectory() as folder, started(NEWEST, Path(folder)) as kernel:
        kernel.run("%load_ext codeact_magic")
        for phase, reply in phases.items():
            times = [stop_time(kernel, reply) for _ in range(STOPS)]
            print(
                f"Stop while {phase}: median of {STOPS} is {statistics.median(times):.0f} ms, {max(times):.0f} at most"
            )


def bench_looking() -> None:
    """Print how long a summary of large and lazy variables takes, and the value that takes longest to write."""
    import numpy as np
    import pandas as pd

    from codeact_magic.kernels.sent.namespace import summary
    from codeact_magic.kernels.sent.values import short

    class Proxy:
        __class__ = property(lambda self: time.sleep(10))
        __repr__ = __len__ = lambda self: time.sleep(10)  # type: ignore[assignment]

    texts = [str(number) for number in range(2_000_000)]
    variables: dict[str, object] = {
        "frame": pd.DataFrame({"a": np.arange(10_000_000), "b": np.zeros(10_000_000)}),
        "array": np.zeros((10_000, 1_000)),
        "texts": texts,
        "unique": set(texts),
        "by_text": dict.fromkeys(texts, 0),
        "nested": [texts] * 50,
        **{f"proxy_{number}": Proxy() for number in range(50)},
    }
    gc.collect()
    gc.freeze()  # collecting these millions of objects would be measured as well
    summary(variables)  # imports
    times, longest = [], []
    for _ in range(LOADS):
        began = time.perf_counter()
        summary(variables)
        times.append((time.perf_counter() - began) * 1e3)
        for value in variables.values():
            began = time.perf_counter()
            short(value)
            longest.append((time.perf_counter() - began) * 1e3)
    print(
        f"summary of 10 M rows, 2 M texts and 50 proxies: median {statistics.median(times):.2f} ms, "
        f"{max(times):.2f} at most; a value: {max(longest):.2f} ms at most"
    )


if __name__ == "__main__":
    bench_looking()
    bench_load()
    bench_cold()
    bench_sign()
    bench_scan()
    bench_steps()
    bench_stop()
