"""Pieces of a file between borders: one process classifies one piece at a time; digests of pieces."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from emotion.errors import EmotionError
from emotion.records.batch import Rows
from emotion.records.borders import Borders
from emotion.records.record import Records

# Bytes of a piece. The first piece is small for early output; then pieces double.
FIRST_PIECE = 1 << 18
LARGEST_PIECE = 1 << 20


@dataclass(frozen=True)
class Piece:
    """A file's bytes from one border to another."""

    start: int
    stop: int


def pieces(borders: Borders, whole: Piece) -> Iterator[Piece]:
    """Cut a part of a file, between two borders, into pieces. Equal content gives equal pieces."""
    start, size = whole.start, FIRST_PIECE
    while start < whole.stop:
        stop = min(borders.after(start + size, start), whole.stop)
        yield Piece(start, stop)
        start, size = stop, min(2 * size, LARGEST_PIECE)


def joined_digest(digests: Iterable[bytes]) -> str:
    """Compute the digest of a part from the SHA-256 of its pieces."""
    return hashlib.sha256(b"".join(digests)).hexdigest()


def digest_between(borders: Borders, part: Piece) -> str:
    """Compute the digest of a file between two borders."""
    return joined_digest(_sha256(borders, piece) for piece in pieces(borders, part))


def _sha256(borders: Borders, piece: Piece) -> bytes:
    digest = hashlib.sha256()
    for content in borders.content(piece.start, piece.stop):
        digest.update(content)
    return digest.digest()


class BorderError(EmotionError):
    """A record extends over a border."""


@dataclass
class PieceReader:
    """Reads the records of a piece. At the end, `lines` counts the piece's lines; 0 if nothing follows in the file."""

    records: Records
    piece: Piece
    lines: int = field(default=0, init=False)

    def batches(self) -> Iterator[Rows]:
        """Yield the records of the piece.

        Raises:
            BorderError: the last record does not end at the border: the file changed, or there is a bug.
        """
        place, first = self.piece.start, 0
        for batch in self.records.batches_from(place):
            first = first or batch.first_line
            sizes = batch.sizes()
            if place + sum(sizes) <= self.piece.stop and place < self.piece.stop:
                yield batch
                place += sum(sizes)
                continue
            within = 0
            while within < len(batch) and place < self.piece.stop:
                place += sizes[within]
                within += 1
            if within:
                yield batch.part(0, within)
            if within < len(batch):
                self.lines = batch.part(within, len(batch)).first_line - first
            break
        if place != self.piece.stop:
            raise BorderError(
                f"the record that ends at byte {place:,} extends over the border at byte {self.piece.stop:,}",
                "this is a bug: please report it",
            )
