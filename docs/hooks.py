"""What mkdocs.yml cannot say: pages whose Markdown lies outside docs/, and that no page loads from another host."""

import re
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {
    "config/README.md": "configuration.md",
    "benchmarks/README.md": "benchmarks.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"\]\((?!https?:|#)([^)\s#]+)")


def _on_the_site(source: Path, markdown: str) -> str:
    """A file's links, which lead through the repository, as links between pages."""

    def replaced(match: re.Match) -> str:
        path = (source.parent / match[1]).resolve().relative_to(ROOT).as_posix()
        return f"]({ELSEWHERE.get(path, path.removeprefix('docs/'))}"

    return LINK.sub(replaced, markdown)


def on_files(files, config):
    for path, page in ELSEWHERE.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_on_the_site(ROOT / path, text)))


def on_page_markdown(markdown, page, config, files):
    return markdown if page.file.src_uri in ELSEWHERE.values() else _on_the_site(ROOT / "docs/page.md", markdown)


def on_post_page(output, page, config):
    foreign = re.findall(r'<(?:script|img|iframe)[^>]+src="((?:https?:)?//[^"]+)|<link[^>]+href="(//[^"]+)', output)
    foreign += re.findall(r'<link[^>]+rel="(?:stylesheet|preconnect|preload)"[^>]+href="(https?://[^"]+)', output)
    if foreign:
        raise PluginError(f"{page.file.src_uri}: loads {foreign[0]} from another host; keep it in the repository")
