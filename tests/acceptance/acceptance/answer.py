"""An answer: what the cloud said, and whether the product expects it."""

import dataclasses
import enum


class Verdict(enum.Enum):
    """The relation of an answer to what the product expects."""

    EXPECTED = "yes"
    CONTRADICTION = "no"
    UNKNOWN = "unknown"
    NOT_ASKED = "not asked"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the cloud said, in its own words and statuses."""

    verdict: Verdict
    found: str


class Unanswered(Exception):
    """A failure because of which a question has no answer. The message says why."""


class NotAsked(Exception):
    """A question that this environment cannot answer. The message is the reason."""


def judge(is_expected, found):
    """Return the answer to a question about which the product expects something."""
    return Answer(Verdict.EXPECTED if is_expected else Verdict.CONTRADICTION, found)
