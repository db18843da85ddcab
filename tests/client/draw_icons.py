"""Draw the app's PNG icons from its mark, in the browser that the tests use: `python -m tests.client.draw_icons`."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

ICONS = Path(__file__).parents[2] / "client" / "icons"
SIZES_PX = (192, 512)
GROUND = "#10201c"
SAFE_SHARE = 0.8
"""Of a maskable icon, the middle that every mask leaves whole."""


def main() -> None:
    mark = (ICONS / "mark.svg").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        for size in SIZES_PX:
            page = browser.new_page(viewport={"width": size, "height": size})
            for name, share, ground in (("icon", 1.0, "transparent"), ("maskable", SAFE_SHARE, GROUND)):
                body = "margin:0; display:grid; place-items:center; height:100vh"
                style = f"html {{background:{ground}}} body {{{body}}} svg {{width:{share:.0%}}}"
                page.set_content(f"<style>{style}</style>{mark}")
                page.screenshot(path=str(ICONS / f"{name}-{size}.png"), omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
