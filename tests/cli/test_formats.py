"""docs/formats.md says what the code reads."""

from ccc.cli import formats, main


def test_the_page_is_the_one_that_the_tables_make():
    assert formats.PAGE.read_text(encoding="utf-8") == formats.page(), "run `python -m ccc.cli.formats`"


def test_readme_and_help_name_every_exit_status(capsys):
    readme = (formats.PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    assert "docs/formats.md" in readme
    try:
        main(["--help"])
    except SystemExit:
        pass
    said = capsys.readouterr().out
    assert all(f"{number}  {text[:40]}" in said for number, text in formats.STATUSES.items())
