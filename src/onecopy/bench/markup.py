"""HTML elements, written with the necessary escaping."""

from xml.etree.ElementTree import Element, tostring

Part = Element | str


def element(tag: str, /, *parts: Part, **attributes: str | float) -> Element:
    """Make an element; `class_` and `stroke_width` are the attributes class and stroke-width."""
    named = {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()}
    new = Element(tag, named)
    for part in parts:
        if isinstance(part, Element):
            new.append(part)
        elif len(new):
            new[-1].tail = (new[-1].tail or "") + part
        else:
            new.text = (new.text or "") + part
    return new


def page(root: Element) -> str:
    """Return an HTML document."""
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"
