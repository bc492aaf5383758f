"""A photo as it is searched: without a frame around it, with the waterline that it shows, or turned round."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geoflood.core.datatypes import AttentionMap, Image, PictureText, Reason, ReasonKind
from geoflood.imagery.content_box import content_box
from geoflood.localize.attention import within, without_overlays
from geoflood.localize.estimate_waterline import estimate_waterline

__all__ = ["QueryPhoto"]


@dataclass(frozen=True, eq=False)
class QueryPhoto:
    """Pixels [H, W, 3], their attention, what people should know of both, and words in it that were read."""

    pixels: Image
    attention: AttentionMap
    notes: tuple[Reason, ...] = ()
    texts: tuple[PictureText, ...] = ()

    @classmethod
    def inside_frame(cls, pixels: Image, attention: AttentionMap) -> QueryPhoto:
        """The photo in a picture that may be a screenshot or have a frame; the attention is the picture's."""
        box = content_box(pixels)
        if box is None:
            return cls(pixels, attention)
        cut = np.ascontiguousarray(box.cut(pixels))
        return cls(cut, within(attention, box, pixels.shape[:2]), (Reason(ReasonKind.FRAMED),))

    def with_waterline(self) -> QueryPhoto:
        """With the waterline that the photo itself shows, where none was told and it is sure."""
        if self.attention.waterline is not None:
            return self
        waterline, doubt = estimate_waterline(self.pixels)
        if doubt >= 1:
            return self
        attention = replace(self.attention, waterline=waterline, doubt=doubt)
        note = Reason(ReasonKind.WATERLINE_FOUND, share=waterline)
        return replace(self, attention=attention, notes=(*self.notes, note))

    def with_texts(self, texts: tuple[PictureText, ...]) -> QueryPhoto:
        """With the words in it: what was put over the photo counts nothing."""
        return replace(self, attention=without_overlays(self.attention, texts), texts=texts)

    def mirrored(self) -> QueryPhoto:
        """The same turned round, left for right."""
        attention = self.attention
        if not attention.uniform:
            attention = replace(attention, weights=np.ascontiguousarray(attention.weights[:, ::-1]))
        pixels = np.ascontiguousarray(self.pixels[:, ::-1])
        return QueryPhoto(pixels, attention, (*self.notes, Reason(ReasonKind.MIRRORED)))
