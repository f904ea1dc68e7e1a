"""Write the README's table of options from the traits themselves: `python -m tests.readme`."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def options_table() -> str:
    """Return the options, their defaults and what they mean, as Markdown."""
    from codeact_magic.magics.magic import CodeAct

    rows = ["| option | default | meaning |", "|---|---|---|"]
    for name, trait in sorted(CodeAct.class_traits(config=True).items()):
        default = trait.default() if callable(getattr(trait, "default", None)) else trait.default_value
        rows.append(f"| `{name}` | `{default!r}` | {trait.help} |")
    return "\n".join(rows)


def main() -> None:
    """Put the table between its marks."""
    text = README.read_text()
    marks = r"(<!-- options: begin -->\n).*?(<!-- options: end -->)"
    README.write_text(re.sub(marks, lambda found: f"{found[1]}{options_table()}\n{found[2]}", text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
