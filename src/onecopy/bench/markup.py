"""HTML elements, written with the necessary escaping."""

from xml.etree.ElementTree import Element, tostring

Part = Element | str


def element(tag: str, /, *parts: Part, **attributes: str | float) -> Element:
    """Make an element; `class_` and `stroke_width` are the attributes class and stroke-width."""
    named = {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()}
    made = Element(tag, named)
    for part in parts:
        if isinstance(part, Element):
            made.append(part)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + part
        else:
            made.text = (made.text or "") + part
    return made


def page(root: Element) -> str:
    """Return an HTML document."""
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"
