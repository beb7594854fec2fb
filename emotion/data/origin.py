"""Origin of a data set: name, source and license, from its card or from the digests of published files."""

from dataclasses import dataclass
from pathlib import Path

from emotion.errors import EmotionError
from emotion.formatting import shorten
from emotion.store.atomic import sha256
from emotion.store.layout import read_json

# File next to the splits with name, source, license, and whether this is the built-in sample.
CARD = "dataset.json"
REPOSITORY = "dair-ai/emotion"
SOURCE = f"https://huggingface.co/datasets/{REPOSITORY}"
LICENCE = "for educational and research purposes only"
# SHA-256 of the original files (Saravia et al., CARER, EMNLP 2018). Altered copies with the same counts exist.
PUBLISHED = {
    "train.txt": "3ab03d945a6cb783d818ccd06dafd52d2ed8b4f62f0f85a09d7d11870865b190",
    "validation.txt": "34faaa31962fe63cdf5dbf6c132ef8ab166c640254ab991af78f3aea375e79ef",
    "test.txt": "60f531690d20127339e7f054edc299a82c627b5ec0dd5d552d53d544e0cfcc17",
}
MAX_PUBLISHED_BYTES = 5_000_000  # a larger file is not a published file
LONGEST_NAME, LONGEST_TERMS = 80, 300  # characters


@dataclass(frozen=True)
class Origin:
    """Facts about a data set besides its rows. Unknown texts are empty."""

    name: str
    sample: bool = False
    source: str = ""
    licence: str = ""


def read_origin(path: Path) -> Origin:
    """Read the card in a data set's folder. A single file, or a folder without a card, has only a name."""
    name = shorten(path.resolve().name, LONGEST_NAME)
    if not path.is_dir():
        return Origin(name)
    try:
        card = read_json(path / CARD)
    except EmotionError:
        card = {"source": SOURCE, "licence": LICENCE} if _is_published(path) else {}
    texts = {key: value for key in ("name", "source", "licence") if isinstance(value := card.get(key), str)}
    return Origin(
        shorten(texts.get("name", ""), LONGEST_NAME) or name,
        card.get("sample") is True,
        shorten(texts.get("source", ""), LONGEST_TERMS),
        shorten(texts.get("licence", ""), LONGEST_TERMS),
    )


def _is_published(folder: Path) -> bool:
    """Recognize the original files by their digests, for a copy without a card."""
    paths = {name: folder / name for name in PUBLISHED}
    if not all(path.is_file() and path.stat().st_size <= MAX_PUBLISHED_BYTES for path in paths.values()):
        return False
    return {name: sha256(path) for name, path in paths.items()} == PUBLISHED
