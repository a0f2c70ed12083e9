"""A headless Chromium, driven over its own DevTools pipe: no driver program and no further package is needed."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--remote-debugging-pipe",
]  # fmt: skip


def find() -> str:
    """Path of Chromium; the test skips where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no chromium is installed: apt-get install chromium")


class Navigated(AssertionError):
    """The page that a script ran in was left before it ended."""


class Page:
    """One tab. `requests`: every address it asked for; `errors`: what its console and scripts complained about."""

    def __init__(self, call, session):
        self._call, self._session = call, session
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._loaded = False
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters):
        """Any DevTools method of this tab."""
        return self._call(method, parameters, self._session)

    def note(self, method: str, parameters: dict) -> None:
        """Take an event of this tab."""
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(json.dumps(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def open(self, path: Path, fragment: str = "", width: int = 1280, height: int = 900, dark: bool = False) -> float:
        """Load a page from disk at a size in CSS pixels; returns the seconds until its load event."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url="about:blank")  # the same page with another fragment would not load again
        self.wait("location.href === 'about:blank'")
        self._loaded = False
        self.requests.clear()
        self.errors.clear()
        start = time.perf_counter()
        self.call("Page.navigate", url=path.resolve().as_uri() + fragment)
        while not self._loaded:
            with contextlib.suppress(Navigated):
                self.run("0")
        return time.perf_counter() - start

    def run(self, script: str):
        """Value of a script's last expression; promises are awaited, and what it throws is raised here."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"].get("exception", {}).get("description", answer))
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 10) -> None:
        """Until the script's value is true."""
        end, true = time.monotonic() + seconds, False
        while not true:
            assert time.monotonic() < end, f"never came true: {condition}"
            with contextlib.suppress(Navigated):
                true = self.run(condition)

    def press(self, key: str, text: str = "", shift: bool = False) -> None:
        """A key, as the keyboard sends it; `text`: what it writes."""
        codes = {
            "Tab": 9,
            "Enter": 13,
            "Escape": 27,
            " ": 32,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "ArrowRight": 39,
            "ArrowDown": 40,
        }
        text = {"Enter": "\r", " ": " "}.get(key, text or (key if len(key) == 1 else ""))
        down = {"type": "keyDown" if text else "rawKeyDown", "key": key, "modifiers": 8 if shift else 0}
        down["windowsVirtualKeyCode"] = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        self.call("Input.dispatchKeyEvent", **down, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", **(down | {"type": "keyUp"}))

    def mouse(self, kind: str, x: float, y: float, **more) -> None:
        """A mouse event at a place of the window: mousePressed, mouseMoved, mouseReleased or mouseWheel."""
        held = {} if kind == "mouseWheel" else {"button": "left", "buttons": 1, "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **held, **more)

    def screenshot(self, path: Path, whole: bool = True) -> None:
        """Write a PNG of the whole page, or of what the window shows."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))


@contextlib.contextmanager
def browser():
    """Give a tab of a fresh Chromium, which ends with the block."""
    program = find()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        to_child, to_browser = os.pipe()
        from_browser, from_child = os.pipe()

        def place_pipes():
            first, second = os.dup(to_child), os.dup(from_child)  # away from 3 and 4 before those are overwritten
            os.dup2(first, 3)
            os.dup2(second, 4)

        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}"], preexec_fn=place_pipes, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_child)
        os.close(from_child)
        try:
            yield _tab(to_browser, from_browser)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(to_browser)
            os.close(from_browser)


def _tab(to_browser: int, from_browser: int) -> Page:
    pages: dict[str, Page] = {}
    state = {"id": 0, "rest": b""}

    def receive(seconds: float) -> dict:
        while b"\0" not in state["rest"]:
            ready, _, _ = select.select([from_browser], [], [], seconds)
            assert ready, "chromium does not answer"
            chunk = os.read(from_browser, 1 << 20)
            assert chunk, "chromium has ended"
            state["rest"] += chunk
        message, _, state["rest"] = state["rest"].partition(b"\0")
        return json.loads(message)

    def call(method: str, parameters: dict, session: str | None = None) -> dict:
        state["id"] += 1
        message = {"id": state["id"], "method": method, "params": parameters}
        text = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while text:
            text = text[os.write(to_browser, text) :]
        while True:
            answer = receive(60)
            if answer.get("id") == state["id"]:
                if "navigated" in answer.get("error", {}).get("message", ""):
                    raise Navigated(f"{method}: the page was left meanwhile")
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            if answer.get("sessionId") in pages:
                pages[answer["sessionId"]].note(answer["method"], answer["params"])

    target = call("Target.createTarget", {"url": "about:blank"})["targetId"]
    session = call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]

    class Early:  # events may come before the page object is whole
        def note(self, *_):
            pass

    pages[session] = Early()
    pages[session] = page = Page(call, session)
    return page
