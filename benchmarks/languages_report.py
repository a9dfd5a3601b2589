"""The figures of `languages.py`, and how they are shown."""

from dataclasses import dataclass
from statistics import mean
from typing import Final

_COLUMNS: Final = (
    *("language", "category right", "on/off right", "as shipped (static tier)"),
    *("likeness", "tokens"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """How one question fared.

    `category` and `switched` say whether the encoder's category, and on or off, are right,
    `shipped` the latter for the whole router, where `static` says that the static tier decided.
    `likeness` is the cosine to the vector of the question in English.
    """

    category: bool
    switched: bool
    shipped: bool
    static: bool
    likeness: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Row:
    """The means of `Answer` over the questions in one language."""

    language: str
    questions: int
    category: float
    switched: float
    shipped: float
    static: float
    likeness: float
    tokens: float

    @classmethod
    def of(cls, language: str, answers: list[Answer]) -> "Row":
        """Sum up the answers in a language."""
        return cls(
            language=language,
            questions=len(answers),
            category=mean(each.category for each in answers),
            switched=mean(each.switched for each in answers),
            shipped=mean(each.shipped for each in answers),
            static=mean(each.static for each in answers),
            likeness=mean(each.likeness for each in answers),
            tokens=mean(each.tokens for each in answers),
        )


@dataclass(frozen=True, slots=True)
class Price:
    """An encoder's weights as prepared, in bytes, and CPU milliseconds per English question."""

    name: str
    size: int
    encode_ms: float


@dataclass(frozen=True, slots=True)
class Results:
    """Every figure; the last row is over all languages but English."""

    encoder: str
    rows: tuple[Row, ...]
    prices: tuple[Price, Price]
    machine: str


def markdown(results: Results) -> str:
    """Return the figures as tables, with what they mean."""
    shipped, multilingual = results.prices
    first = results.rows[0]
    setup = (
        f"The same {first.questions} questions, one of each category of MMLU-Pro but *other*, in "
        f"{len(results.rows) - 1} languages; encoder `{results.encoder}`, built-in centroids. So "
        "few questions show what a language loses, not which of two languages loses more."
    )
    legend = (
        "Likeness: the mean cosine to the vectors of the English questions. As shipped: the whole "
        "router with its static tier, whose share of the answers is in brackets; the columns "
        "before it are the encoder's alone. On or off is by the default routes and margin."
    )
    price = (
        f"A multilingual encoder such as {multilingual.name} has twice the layers and eight times "
        "the vocabulary. Prepared as the shipped one is, in its shape with random weights, it "
        f"takes {multilingual.encode_ms / shipped.encode_ms:.1f} times the CPU time on the same "
        "tokens, and its centroids have to be fitted anew:"
    )
    lines = [
        "# Languages",
        "",
        setup,
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "| --- " * len(_COLUMNS) + "|",
        *map(_line, results.rows),
        "",
        legend,
        "",
        price,
        "",
        "| encoder | CPU per question | weights |",
        "| --- | --- | --- |",
        *map(_price_line, results.prices),
        "",
        f"Measured on {results.machine}, one question at a time on one thread.",
        "",
    ]
    return "\n".join(lines)


def _line(row: Row) -> str:
    return (
        f"| {row.language} | {row.category:.0%} | {row.switched:.0%} | {row.shipped:.0%} "
        f"({row.static:.0%}) | {row.likeness:.2f} | {row.tokens:.0f} |"
    )


def _price_line(price: Price) -> str:
    return f"| {price.name} | {price.encode_ms:.1f} ms | {price.size / 1e6:.0f} MB |"
