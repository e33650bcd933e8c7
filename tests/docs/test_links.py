"""Whatever a page links to is there: pages, headings in them, pictures. The site follows."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name_of
from tools.generate import docs_site

PAGES = [ROOT / name for name in docs_site.pages()]
FENCE = re.compile(r"^```.*?^```[ \t]*$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """The names of a page's headings, as links write them."""
    found = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(FENCE.sub("", text)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        there = page.parent / path if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_is_on_one_line(page: Path) -> None:
    """Over two, no link of it would follow a page to its place on the site."""
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    assert re.findall(r"\[[^\]\n]*\n[^\]\n]*\]\([^)\s]+\)", text) == []


def test_pages_of_the_site_have_a_place_in_its_menu() -> None:
    menu = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    for place in docs_site.pages().values():
        assert f'"{place}"' in menu, place


def test_links_between_pages_follow_them_to_the_site() -> None:
    site = docs_site.pages()
    text = "[a](../protocol/README.md#link) [b](errors.md) ![c](pictures/x.png) `[d](e.md)`"
    with pytest.raises(LookupError, match="pictures/x"):
        docs_site.moved(text, "docs/index.md", site)
    said = docs_site.moved(
        text.replace("![c](pictures/x.png) `[d](e.md)`", "[c](../LICENSE)"), "docs/index.md", site
    )
    assert said == "[a](specification.md#link) [b](errors.md) c (`LICENSE`)"


@pytest.mark.parametrize("name", docs_site.pages())
def test_every_page_can_go_to_the_site(name: str) -> None:
    site = docs_site.pages()
    docs_site.moved((ROOT / name).read_text(encoding="utf-8"), name, site)
