"""Makes the font that writes translated words on pictures: ``python docs/make_font.py [FONT]``.

Takes the characters of all catalogues out of Noto Sans CJK SC (Debian's package fonts-noto-cjk), so that pictures
look the same on every machine and the package stays small. Needed when a translation brings new characters.
Its cubic outlines become quadratic ones, to less than a thousandth of the letter size: every reader of PDF files
knows TrueType fonts.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont, newTable

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from make_words import letters  # noqa: E402

from cbam_core.render.lettering import OWN_FONT  # noqa: E402

SOURCE = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
FACE = "Noto Sans CJK SC"
ALWAYS = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100)))) + "–—−…‘’“”×·、。，；：！？（）《》"


def subset(font: TTFont, wanted: str) -> TTFont:
    """The font with these characters alone; its outlines are untouched."""
    options = Options()
    options.layout_features = ["kern"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.hinting = False
    options.desubroutinize = True
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(text=wanted)
    subsetter.subset(font)
    return font


def as_truetype(font: TTFont) -> TTFont:
    """The same font with quadratic outlines, at most one unit of a thousand from the cubic ones."""
    outlines, names = font.getGlyphSet(), font.getGlyphOrder()
    table = newTable("glyf")
    table.glyphOrder, table.glyphs = names, {}
    for name in names:
        pen = TTGlyphPen(outlines)
        outlines[name].draw(Cu2QuPen(pen, 1.0, reverse_direction=True))
        table.glyphs[name] = pen.glyph()
    font["glyf"], font["loca"] = table, newTable("loca")
    del font["CFF "], font["VORG"]
    table.compile(font)
    for name in names:
        font["hmtx"][name] = (font["hmtx"][name][0], getattr(table.glyphs[name], "xMin", 0))
    limits = font["maxp"]
    limits.tableVersion, limits.maxZones = 0x00010000, 1
    for unused in ("TwilightPoints", "Storage", "FunctionDefs", "InstructionDefs", "StackElements"):
        setattr(limits, f"max{unused}", 0)
    limits.maxSizeOfInstructions = limits.maxComponentElements = 0
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"
    return font


def main(source: Path = SOURCE) -> None:
    """Write the font."""
    faces = TTCollection(source, lazy=True).fonts
    (font,) = [face for face in faces if face["name"].getDebugName(4) == FACE]
    font.recalcTimestamp = False  # the same characters give the same bytes
    wanted = "".join(sorted({*ALWAYS, *letters()}))
    lacking = [letter for letter in wanted if ord(letter) not in font.getBestCmap()]
    if lacking:
        print(f"{FACE} lacks {' '.join(lacking)}")
    as_truetype(subset(font, wanted)).save(OWN_FONT)
    print(f"{OWN_FONT.relative_to(ROOT)}: {len(wanted)} characters, {OWN_FONT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
