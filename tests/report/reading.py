"""What a browser would make of a page: its elements with attributes, and its texts."""

from html.parser import HTMLParser

VOID = {"img", "meta", "br", "rect", "link", "input"}


class Reader(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)
        elif self.open[-1] == "script" and self.elements[-1][1].get("type") == "application/json":
            self.data = data

    def attributes(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.texts).split())


def read(text):
    """Elements and texts; every element is closed."""
    reader = Reader(text)
    assert reader.open == []
    return reader
