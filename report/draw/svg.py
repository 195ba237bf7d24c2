"""Matplotlib's SVG in a third of the letters: the same drawing.

A style is said once for all neighbours that share it, lines that share one are one path, a mark is
kept only where it is used, and coordinates have a tenth of a pixel. What all drawings have in
common, the font and how lines join, is the page's to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Marks = dict[str, Element]
Steps = Sequence[tuple[str, Sequence[float]]]
_SIZE = ("width", "height", "viewBox")
_SHARED = ("clip-path", "style")
_STEP = re.compile(r"([MLCQz])([^MLCQz]*)")
_REFERENCE = re.compile(r"(?:(?<=^#)|(?<=url\(#))\w+")


def compact(text: str, name: str) -> str:
    """An SVG document as an inline element whose ids start with `name`.

    Raises ElementTree.ParseError if the text is no XML.
    """
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text[text.index("<svg") :])
    root = ElementTree.fromstring(text.replace("xlink:href", "href"))
    marks: Marks = {}
    drawn = list(_grouped(_joined(_leaves(root, marks))))
    drawing = Element("svg", {key: root.attrib[key].removesuffix("pt") for key in _SIZE})
    definitions = _definitions(drawn, marks, name)
    drawing.extend([definitions, *drawn] if len(definitions) else drawn)
    return ElementTree.tostring(drawing, encoding="unicode").replace('" />', '"/>')


def _leaves(parent: Element, marks: Marks, clip: str | None = None) -> Iterator[Element]:
    """What is drawn, in its order, each with its own clip path; marks are put aside."""
    for each in parent:
        if each.tag == "defs":
            marks.update({mark.attrib["id"]: mark for mark in each if "id" in mark.attrib})
        elif each.tag == "g":
            found = _leaves(each, marks, each.get("clip-path", clip))
            # The grid, the ticks and the words of an axis do not overlap: any order will do.
            yield from sorted(found, key=_look) if "axis" in each.get("id", "") else found
        elif each.tag != "metadata":
            yield _leaf(each, marks, clip)


def _look(leaf: Element) -> tuple[str, ...]:
    return leaf.tag, *(leaf.get(key, "") for key in _SHARED)


def _leaf(each: Element, marks: Marks, clip: str | None) -> Element:
    """What is drawn at one place, in short."""
    made = Element(each.tag, {key: text for key, text in each.attrib.items() if key != "id"})
    made.text = each.text
    for key in ("x", "y"):
        if key in made.attrib:
            made.set(key, _short(float(made.attrib[key])))
    if "style" in made.attrib:
        made.set("style", _style(made.attrib["style"]))
    if made.get("transform", "").startswith("rotate(-0 "):
        del made.attrib["transform"]
    if clip:
        made.set("clip-path", clip)
    if each.tag == "path":
        made.set("d", _path(_steps(each.get("d", ""))))
    return _line(made, marks) if each.tag == "use" else made


def _line(use: Element, marks: Marks) -> Element:
    """A use of a mark; where the mark is of straight lines, as a tick is, the lines themselves."""
    steps = _steps(marks[use.attrib["href"][1:]].get("d", ""))
    if any(command not in "ML" for command, _ in steps):
        return use
    x, y = (float(use.attrib[key]) for key in ("x", "y"))
    kept = {key: use.attrib[key] for key in _SHARED if key in use.attrib}
    kept["style"] = re.sub(r"fill:[^;]*", "fill:none", kept["style"])
    return Element("path", {**kept, "d": _path(steps, x, y)})


@cache
def _style(text: str) -> str:
    """A style without what the page says of all drawings or what goes without saying."""
    text = text.replace(": ", ":").replace("; ", ";").replace(";text-anchor:start", "")
    text = re.sub(r";font-family:[^;]*", "", text)
    return re.sub(r"font:(?:(\d+) )?([\d.]+px) [^;]*", _size, text)


def _size(font: re.Match[str]) -> str:
    weight = f"font-weight:{font[1]};" if font[1] else ""
    return f"{weight}font-size:{font[2]}"


@cache
def _steps(text: str) -> Steps:
    """The commands of a path with their coordinates."""
    return [
        (each[1], [float(number) for number in each[2].split()]) for each in _STEP.finditer(text)
    ]


def _path(steps: Steps, x: float = 0.0, y: float = 0.0, digits: int = 1) -> str:
    """A path moved by x and y; straight across and straight down take one number."""
    made: list[str] = []
    last = ["", ""]
    for command, numbers in steps:
        places = [_short(each + (x, y)[index % 2], digits) for index, each in enumerate(numbers)]
        if command == "L" and places[0] == last[0]:
            made.append(f"V{places[1]}")
        elif command == "L" and places[1] == last[1]:
            made.append(f"H{places[0]}")
        else:
            made.append(command + " ".join(places))
        last = places[-2:] or ["", ""]
    return "".join(made)


def _short(value: float, digits: int = 1) -> str:
    return f"{round(value, digits) + 0.0:g}"


def _joined(leaves: Iterable[Element]) -> list[Element]:
    """Neighbouring lines of one style as one path."""
    made: list[Element] = []
    for each in leaves:
        if made and _is_line(each) and _is_line(made[-1]) and _look(each) == _look(made[-1]):
            made[-1].set("d", made[-1].attrib["d"] + each.attrib["d"])
        else:
            made.append(each)
    return made


def _is_line(each: Element) -> bool:
    """Whether a path may be one with others: where two that are not opaque cross, both show."""
    style = each.get("style", "")
    return each.tag == "path" and "fill:none" in style and "opacity" not in style


def _grouped(leaves: Iterable[Element]) -> Iterator[Element]:
    """Neighbours of one style and clip path in a group that says both.

    So is a single use: its place would move its clip path.
    """
    for _, neighbours in groupby(leaves, key=lambda each: _look(each)[1:]):
        found = list(neighbours)
        if len(found) == 1 and found[0].tag != "use":
            yield found[0]
            continue
        shared = {key: found[0].attrib[key] for key in _SHARED if key in found[0].attrib}
        group = Element("g", shared)
        for each in found:
            for key in shared:
                del each.attrib[key]
        group.extend(found)
        yield group


def _definitions(drawn: Iterable[Element], marks: Marks, name: str) -> Element:
    """The marks, clip paths and hatches that are used, each once; references are renamed."""
    made = Element("defs")
    known: dict[str, str] = {}
    for top in drawn:
        for each in top.iter():
            for key in ("href", *_SHARED):
                if key in each.attrib:
                    each.set(
                        key,
                        _REFERENCE.sub(
                            lambda found: _defined(marks[found[0]], made, known, name),
                            each.attrib[key],
                        ),
                    )
    return made


def _shape(part: Element, without: Collection[str] = ()) -> Element:
    """What is drawn of a definition, or of a part of it, without some of its attributes."""
    made = Element(part.tag, {key: text for key, text in part.items() if key not in without})
    if "d" in made.attrib:
        made.set("d", _path(_steps(made.attrib["d"]), digits=2))
    return made


def _defined(mark: Element, definitions: Element, known: dict[str, str], name: str) -> str:
    """The id of a mark, which becomes a definition where none is the same."""
    made = _shape(mark, {"id", "style"})
    made.extend(_shape(part) for part in mark)
    shape = ElementTree.tostring(made, encoding="unicode")
    if shape not in known:
        known[shape] = f"{name}-{len(known)}"
        made.set("id", known[shape])
        definitions.append(made)
    return known[shape]
