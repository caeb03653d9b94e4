"""A small machine for tests of documents: a lamp that goes out by itself."""

from typing import Any

from attrs import field, frozen

from hookflash.machines.documents import Document, Traceability, machine_document
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Draft, Implementation, Machine, named
from hookflash.machines.proof import prove
from hookflash.machines.proof_world import NOBODY, Samples
from hookflash.machines.spec import parse_spec
from hookflash.machines.walkthroughs import Happening, Walkthrough

LAMP = """\
[machine]
name = "lamp"
initial = "dark"
implementation = "lamps"
doc = "a lamp that goes out by itself"

[states.dark]
doc = "It is dark."
lasts = "Darkness needs nobody."
[states.lit]
doc = "It shines."
watched_by = ["glow", "Ring"]
unless = ["daylight"]
[states.broken]
doc = "It is [broken] | for <good>."
final = true

[events]
pressed = { class = "Pressed", from = "a hand", doc = "Somebody pressed the button." }
glow_over = { class = "GlowOver", doc = "It shone long enough." }
rung = { class = "Rung", doc = "The bell rang." }
hit = { class = "Hit", doc = "A ball hit it." }

[timers]
glow = { event = "glow_over", duration = "glow_s", doc = "How long it shines." }

[check]
samples = "lamps"

[check.answers]
Ring = ["rung"]

[[transitions]]
source = "dark"
event = "pressed"
guards = ["gentle"]
target = "lit"
effects = ["light"]
doc = "it shines"

[[transitions]]
source = "dark"
event = "pressed"
reject = "InvalidCommand"
counts = "rough"
doc = "too rough"

[[transitions]]
source = "lit"
event = "pressed"
effects = ["light"]
stay = "It shines for longer."

[[transitions]]
source = "lit"
event = "glow_over"
guards = ["gentle"]
target = "dark"
doc = "never taken"

[[transitions]]
source = "lit"
event = "glow_over"
target = "dark"
effects = ["ring"]
doc = "Its time is over."

[[transitions]]
source = ["dark", "broken"]
event = "glow_over"
late = "It does not shine."

[[transitions]]
source = ["dark", "lit", "broken"]
event = "rung"
ignore = "A bell."

[[transitions]]
source = ["dark", "lit"]
event = "hit"
target = "broken"
effects = ["stop"]
doc = "It breaks."

[[transitions]]
source = "broken"
event = "hit"
late = "It is broken."

[[transitions]]
source = "broken"
event = "pressed"
late = "It is broken."
"""


@frozen
class Bulb:
    """What shines.

    Attributes:
        watts: How much
            it takes.
    """

    watts: int = 60


@frozen
class LampData:
    """What the lamp remembers."""

    bulbs: tuple[Bulb, ...] = (Bulb(),)
    pressed: bool = False


@frozen
class LampPolicy:
    """The settings of the lamp."""

    glow_s: float = 60.0
    names: tuple[str, ...] = ()


@frozen
class Pressed:
    """Somebody pressed."""

    at: Instant
    force: float = 1.0
    words: str = ""


@frozen
class GlowOver:
    at: Instant
    owner: str
    unused_id: str


@frozen
class Rung:
    at: Instant


@frozen
class Hit:
    at: Instant
    thrown_by: str = field(factory=str)


@frozen
class Ring:
    """Ring the bell of *owner*.

    Attributes:
        owner: Whose.
        loud: Whether everybody is to hear it.
    """

    owner: str
    loud: bool = False


LampDraft = Draft[LampData, LampPolicy]


def gentle(_: Interaction[LampData], event: Any, __: LampPolicy) -> bool:
    """The button was pressed gently."""
    return getattr(event, "force", 9.0) < 2


def light(draft: LampDraft, event: Pressed) -> None:
    """Let it shine from now on."""
    draft.stop_timer("glow")
    draft.start_timer("glow", draft.interaction.id, after(event.at, draft.policy.glow_s))


def ring(draft: LampDraft, _: Any) -> None:
    draft.effects.append(Ring(draft.interaction.id, loud=True))


def stop(draft: LampDraft, _: Any) -> None:
    """Stop its timer."""
    draft.stop_timer("glow")


IMPLEMENTATION = Implementation(
    events={"pressed": Pressed, "glow_over": GlowOver, "rung": Rung, "hit": Hit},
    guards=named(gentle),
    effects=named(light, ring, stop),
    data=LampData,
    policy=LampPolicy,
    produces=(Ring,),
)


def _hit(world: Any) -> Any:
    return Hit(world.next_at, NOBODY) if world.interaction.state != "dark" else None


def _failing(world: Any) -> Any:
    raise RuntimeError(f"no sample at {world.now}")


WALKTHROUGHS = (
    Walkthrough(
        "When somebody presses twice",
        (
            Happening("pressed", "A hand presses the button"),
            Happening("pressed", after_s=10.0),
            Happening("glow_over"),
            Happening("glow_over:of another owner"),
            Happening("rung"),
            Happening("pressed:rough"),
        ),
    ),
    Walkthrough(
        "When a ball flies",
        (Happening("hit", after_s=4000.0), Happening("hit", after_s=0.0)),
        given="there is a garden",
        before=("pressed",),
        policy="long",
    ),
    Walkthrough(
        "When a bell rings", (Happening("rung"),), policy="default", remark="nobody <hears> it"
    ),
)

SAMPLES = Samples(
    events={
        "pressed": lambda world: Pressed(world.next_at),
        "pressed:rough": lambda world: Pressed(world.next_at, 3.0),
        "rung": lambda world: Rung(world.next_at),
        "hit": _hit,
        "hit:failing": _failing,
    },
    policies={"default": None, "long": LampPolicy(glow_s=7200.0)},
    walkthroughs=WALKTHROUGHS,
    words={"bulb": "The part that shines."},
)


def lamp(*changes: tuple[str, str]) -> Machine[Any, Any]:
    """Return the machine, with parts of its definition replaced."""
    text = LAMP
    for before, now in changes:
        assert before in text, before
        text = text.replace(before, now)
    return Machine(parse_spec(text, "lamp.toml"), IMPLEMENTATION)


def document_of(
    machine: Machine[Any, Any],
    samples: Samples | None = SAMPLES,
    traceability: Traceability | None = None,
) -> Document:
    """Return the document of a machine; what is proved rests on no samples."""
    report = prove(machine.spec, machine.implementation, None)
    return machine_document(machine, report, samples, traceability)


def section(document: Document, title: str) -> str:
    """Return a section of a document, up to the next heading of its level or above."""
    lines = document.markdown.splitlines()
    start = lines.index(title)
    level = len(title) - len(title.lstrip("#"))
    ends = [
        number
        for number, line in enumerate(lines)
        if number > start and line.startswith("#") and len(line.split()[0]) <= level
    ]
    return "\n".join(lines[start : ends[0] if ends else len(lines)])
