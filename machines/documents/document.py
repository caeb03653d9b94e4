"""What a document is: Markdown, and the pictures in it that pages have as drawings."""

from attrs import frozen

from hookflash.machines.diagrams.drawing import Drawing


@frozen
class Picture:
    """A picture of a document.

    Markdown has it as text for Mermaid, which viewers draw themselves. A page that stands alone has
    a drawing in its place.

    Attributes:
        mermaid: It, for Mermaid; it stands so in the Markdown, as a fenced block.
        dots: It, for Graphviz: several texts that show the same in different arrangements, of which
            the clearest is to be taken.
        words: What it shows, for those who cannot see it.
        drawing: What it shows, as the drawing of a machine; None for a picture of something else.
    """

    mermaid: str
    dots: tuple[str, ...]
    words: str
    drawing: Drawing | None = None


@frozen
class Document:
    """A document.

    Attributes:
        name: Its name; files are called after it.
        title: Its title.
        markdown: Its text, which ends with a line break.
        pictures: Its pictures, in order.
    """

    name: str
    title: str
    markdown: str
    pictures: tuple[Picture, ...] = ()


def fenced(picture: Picture) -> list[str]:
    """Return the lines with which a picture stands in Markdown."""
    return ["```mermaid", *picture.mermaid.splitlines(), "```", ""]
