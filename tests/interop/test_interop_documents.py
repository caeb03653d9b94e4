"""The pictures of documents are what Mermaid's own parser takes."""

import re

from tests.docs.blocks import ROOT
from tests.interop.test_interop_diagrams import in_node
from tests.machines.documents.test_rules_documents import cookbook, document_of, rule

from hookflash.machines.documents import Document

_PICTURE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pictures_of(document: Document) -> list[str]:
    """Return the pictures as they stand in the Markdown."""
    return [match[1] for match in _PICTURE.finditer(document.markdown)]


def test_mermaid_parses_the_pictures_of_documents(node: str) -> None:
    """Of the shipped machines, of the cookbook, and of a rule with every sign in its texts."""
    shipped = [
        match[1]
        for path in sorted((ROOT / "specs").glob("*.md"))
        for match in _PICTURE.finditer(path.read_text(encoding="utf-8"))
    ]
    signs = "".join(chr(code) for code in range(33, 127) if not chr(code).isalnum())
    signs = re.sub(r"[\\\"{}']", "", signs)
    odd = rule(
        'trigger = { to = "held" }', f'{{ action = "notify", to = "x{signs}", message = "m" }}'
    )
    rules = [*pictures_of(document_of(cookbook())), *pictures_of(document_of(odd))]
    results = in_node(node, "mermaid.mjs", [*shipped, *rules])
    kinds = [["stateDiagram", None]] * len(shipped) + [["flowchart-v2", None]] * len(rules)
    assert kinds == results
