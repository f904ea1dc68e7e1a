"""Write the README's tables of commands and options from their declarations: `python -m tests.readme`."""

from __future__ import annotations

from pathlib import Path

from codeact_magic.magics import commands

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
    """Put each table between its marks."""
    text = README.read_text()
    for name, table in (("commands", commands.table()), ("options", options_table())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"
    README.write_text(text)


if __name__ == "__main__":
    main()
