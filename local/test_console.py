"""Tests the web console in a browser: follows every link, with JavaScript and without, checks each page in both themes and two
widths, then plays scenarios and a hostile page. Or takes the pictures of docs/console.md.

    python local/test_console.py SERVER [--screenshots FOLDER]     SERVER is .local/bin/serve-console

Run by `make test-console`. The server keeps everything in memory and is stopped at the end. The browser is the machine's own
chromium, or Debian's package (CHROMIUM names another one).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import html
import http.server
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import chromium
import generated_scans
import processes
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PORT = 4630
RUN = "0193a1c4-7d5e-7c41-9a3b-0c2d5e6f7a8b"
# Rules of WCAG that axe-core checks (https://github.com/dequelabs/axe-core, as published on npm).
AXE_URL = "https://registry.npmjs.org/axe-core/-/axe-core-4.14.1.tgz"
AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Rules that depend on the theme.
AXE_COLORS = ["color-contrast", "link-in-text-block"]
# The themes and widths in which each page is checked. The rules that don't depend on the theme are checked in the first one of a width.
LOOKS = [("light", 1280), ("dark", 1280), ("dark", 390), ("light", 390)]
# Bytes of a first view, compressed assets included.
TRANSFER_MAX = 100_000
# Pages of a kind that are checked, such as one page per run: more find nothing new. With parameters, one.
PAGES_OF_A_KIND = {False: 2, True: 1}
# Parameters that only select the rows of a page, order them, or read them again.
ROW_PARAMETERS = {"sort", "from", "size", "after", "days", "fresh"}
# Downloads, streams, links that change the theme, and the reverse order of a list are not pages of their own.
NO_PAGES = (".json", ".csv", "/events", "/history", "/documents/", "theme=", "sort=-")


def axe() -> str:
    """The script of axe-core, from npm, checked against its digest."""
    cached = Path(os.environ.get("LOCAL_DIR") or ".local") / "axe-core.tgz"
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        registry = os.environ.get("NPM_REGISTRY", "https://registry.npmjs.org").rstrip("/")
        with urllib.request.urlopen(AXE_URL.replace("https://registry.npmjs.org", registry)) as response:
            cached.write_bytes(response.read())
    content = cached.read_bytes()
    if hashlib.sha256(content).hexdigest() != AXE_SHA256:
        cached.unlink()
        sys.exit("axe-core is not what it was")
    with tarfile.open(cached) as archive:
        script = archive.extractfile("package/axe.min.js")
        return script.read().decode() if script else sys.exit("axe-core has no script")


@contextlib.contextmanager
def console(server: str, *options: str) -> Iterator[str]:
    """The link of a console over sample data, while it runs."""
    port = processes.free_port(None, PORT)
    process = subprocess.Popen([Path(server).resolve(), str(port), *options], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip() or sys.exit(f"{server} does not serve")
    finally:
        process.terminate()
        process.wait()


def origin(link: str) -> str:
    return link.split("/open")[0]


class Watched:
    """A page whose errors are collected."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.base = base
        self.page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", self._message)
        self.page.on("pageerror", lambda error: self.problems.append(f"{self.page.url}: {error}"))
        self.page.on("request", self._request)

    def _message(self, message) -> None:
        # A status of 4xx is a page of ours; the browser reports it, too.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.problems.append(f"{self.page.url}: {message.text}")

    def _request(self, request) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.problems.append(f"{self.page.url}: a request to {request.url}")

    def problem(self, text: str) -> None:
        self.problems.append(f"{self.page.url}: {text}")


def kind(path: str) -> str:
    """A path without what is different in each: IDs, the values of parameters, and which rows of a list are shown."""
    path, _, query = path.partition("?")
    names = sorted({pair.split("=")[0] for pair in query.split("&")} - ROW_PARAMETERS)
    parts = ["*" if any(letter.isdigit() for letter in part) else part for part in path.split("/")]
    return "/".join(parts) + "?" + "&".join(names)


def crawl(browser: Browser, link: str, script: str, looks: list[tuple[str, int]], with_script: bool = True) -> list[str]:
    """Follows every link of the console, and checks the structure of each page, and with JavaScript also its looks."""
    base = origin(link)
    context = browser.new_context(java_script_enabled=with_script, bypass_csp=with_script)
    watched = Watched(context, base)
    page = watched.page
    page.goto(link)
    queue, seen, kinds = ["/integrations"], set(), {}
    while queue:
        path = queue.pop(0)
        if path in seen or kinds.get(kind(path), 0) >= PAGES_OF_A_KIND["?" in path] or any(mark in path for mark in NO_PAGES):
            continue
        seen.add(path)
        kinds[kind(path)] = kinds.get(kind(path), 0) + 1
        response = page.goto(base + path)
        if response.status >= 400 and response.status != 409:
            watched.problem(f"status {response.status}")
        check(watched)
        if with_script:
            check_looks(watched, script, looks)
        queue += [html.unescape(link) for link in re.findall(r'<a [^>]*href="(/[^"#]*)', page.content())]
    context.close()
    print(f"{len(seen)} pages, ", end="")
    if len(seen) < 20:
        watched.problems.append(f"only {len(seen)} pages were found: {sorted(seen)}")
    return watched.problems


def check(watched: Watched) -> None:
    """Checks the structure of one page: one heading, a command, and forms with their version."""
    page = watched.page
    if page.locator("h1").count() != 1:
        watched.problem("not one h1")
    if not page.locator("footer.foot code").count() and page.locator("nav a[aria-current]").count():
        watched.problem("the footer names no command")
    for form in page.locator("form[method=post]").all():
        action = form.get_attribute("action") or ""
        needs_version = any(action.endswith(verb) for verb in ("/config", "/credentials", "/delete", "/enable", "/disable"))
        if needs_version and not form.locator("input[name=etag]").count():
            watched.problem(f"the form of {action} has no ETag")


def check_looks(watched: Watched, script: str, looks: list[tuple[str, int]]) -> None:
    """Checks one page in each theme and width: no sideways scrolling, and the rules of WCAG. Neither the themes nor the widths need the
    page loaded again: both are in the style sheet alone."""
    page, widths = watched.page, set()
    page.locator("[aria-busy]").wait_for(state="detached")
    page.evaluate(script)
    for theme, width in looks:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            watched.problem(f"it scrolls sideways at {width}")
        rules = AXE_COLORS if width in widths else AXE_TAGS
        widths.add(width)
        found = page.evaluate("only => axe.run({ runOnly: only, resultTypes: ['violations'] })", rules)
        if len(found["passes"]) + len(found["violations"]) < (1 if rules is AXE_COLORS else 5):
            watched.problem(f"axe-core checked nothing in {theme} at {width}")
        for violation in found["violations"]:
            nodes = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
            watched.problem(f"{theme}, {width} wide: {violation['id']}: {violation['help']}: {nodes}")


def budget(browser: Browser, link: str) -> list[str]:
    """A first view with everything that it loads, under the policy as it is."""
    context = browser.new_context()
    watched = Watched(context, origin(link))
    sizes = []
    watched.page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    watched.page.goto(link)
    watched.page.wait_for_load_state("networkidle")
    context.close()
    if sum(sizes) > TRANSFER_MAX:
        watched.problems.append(f"a first view has {sum(sizes)} bytes, more than {TRANSFER_MAX}")
    return watched.problems


def expect(condition: bool, what: str, page: Page) -> None:
    if not condition:
        raise AssertionError(f"{what}: {page.url}\n{page.locator('main').inner_text()[:1500]}")


def scenarios(browser: Browser, link: str, with_script: bool) -> list[str]:
    """What an operator does, with or without JavaScript."""
    context = browser.new_context(java_script_enabled=with_script)
    watched = Watched(context, origin(link))
    page, base = watched.page, watched.base
    page.goto(link)
    plan(page, base, with_script)
    add(page, base)
    conflict(context, page, base)
    approve(page, base, with_script)
    note = "main .note"

    page.goto(f"{base}/integrations/210987654321")
    page.get_by_role("button", name="Test").click()
    expect("Connection test passed." in page.locator(note).first.inner_text(), "a test shows its result", page)
    page.get_by_role("button", name="Disable").click()
    expect("Disabled." in page.locator(note).first.inner_text(), "disabled", page)
    page.get_by_role("button", name="Enable", exact=True).click()
    expect("Enabled." in page.locator(note).first.inner_text(), "enabled", page)
    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Enter the account ID").fill("210987654321")
    page.get_by_role("button", name="Delete integration").click()
    expect("Integration 210987654321 deleted." in page.locator(note).first.inner_text(), "deleted", page)

    account(page, base, with_script)
    page.goto(f"{base}/accounts?sort=account")
    page.get_by_role("link", name="Integration", exact=True).click()
    expect("sort=integration" in page.url, "the order is in the URL", page)
    page.get_by_role("button", name="Test all").click()
    result(page, "Connection test failed.", with_script)

    page.goto(f"{base}/explain?id=prowler-s3_bucket_acl-123456789012-eu-west-1-0123456ab")
    page.get_by_role("button", name="Explain").click()
    result(page, "Last runs of the account", with_script)

    page.goto(f"{base}/quarantine")
    page.get_by_role("button", name="Redrive all").click()
    expect("Redrive submitted." in page.locator(note).first.inner_text(), "a redrive is a job", page)
    context.close()
    return watched.problems


def result(page: Page, text: str, with_script: bool) -> None:
    """Waits for a result: with JavaScript its panel updates, without it a link shows the page again."""
    for _ in range(0 if with_script else 20):
        if page.get_by_text(text).count():
            break
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Show the page with the result").click()
    page.get_by_text(text).first.wait_for(timeout=20_000)


# A file, as if it came from the operator's disk.
DROP = """([selector, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
}"""


def plan(page: Page, base: str, with_script: bool) -> None:
    """Plans a file and exports it, then plans an object. What is chosen at last is another file: nothing of it is sent."""
    page.goto(f"{base}/plan")
    with tempfile.TemporaryDirectory() as folder:
        scan, other = Path(folder) / "scan.ocsf.json", Path(folder) / "other.ocsf.json"
        generated_scans.write_scan(scan, range(40), int(time.time()) - 60, 4)
        generated_scans.write_scan(other, range(41), int(time.time()) - 60, 4)
        if with_script:
            page.evaluate(DROP, [".drop .strong", scan.name, scan.read_text()])
        else:
            page.get_by_label("Drop a Prowler scan here").set_input_files(scan)
        page.get_by_role("button", name="Plan").click()
        page.get_by_text("Estimated cost").wait_for()
        expect("40 read" in page.locator("main").inner_text(), "the file was read", page)
        page.get_by_role("link", name="Export now…").click()
        for file, shown in ((other, "The export failed."), (scan, "The run")):
            page.get_by_label("Choose or drop the file again").set_input_files(file)
            page.get_by_role("button", name="Export 40 findings").click()
            result(page, shown, with_script)
        expect("The counts add up" in page.locator("main").inner_text(), "the file was exported", page)
        page.get_by_role("link", name="Show the run").click()
        expect("Export of" in page.locator("h1").inner_text(), "the run is there", page)
    page.goto(f"{base}/plan")
    page.get_by_label("Or enter an S3 object").fill("s3://acme-prowler-scans/scan.ocsf.json.gz")
    page.get_by_role("button", name="Plan").click()
    result(page, "Estimated cost", with_script)
    page.get_by_role("link", name="Export now…").click()
    expect(page.get_by_role("button", name="Export 412 findings").count() == 1, "an export is asked about", page)


def account(page: Page, base: str, with_script: bool) -> None:
    """Compares an account with one click, and reconciles it with two."""
    page.goto(f"{base}/accounts?q=123456789012")
    page.get_by_role("link", name="123456789012").click()
    page.get_by_role("button", name="Compare").click()
    expect("Comparison submitted." in page.locator("main .note").first.inner_text(), "a comparison is a job", page)
    for _ in range(20):
        page.goto(f"{base}/accounts/123456789012")
        if page.get_by_text("4 missing, 1 unknown, 2 different").count():
            break
        page.wait_for_timeout(500)
    page.get_by_text("Only some Regions").click()
    page.get_by_label("eu-west-1").check()
    page.get_by_role("button", name="Reconcile…").click()
    expect("At most 7 ingestion events" in page.locator("main").inner_text(), "it is asked about", page)
    page.get_by_role("button", name="Reconcile").click()
    expect("Reconciliation submitted." in page.locator("main .note").first.inner_text(), "it is a job", page)


def add(page: Page, base: str) -> None:
    """Adds an integration in two steps, with an error in the second one."""
    page.goto(f"{base}/integrations")
    page.get_by_role("link", name="Add integration").click()
    page.get_by_label("AWS provider").fill("567890123456")
    page.get_by_label("Use other credentials for Security Hub").check()
    page.get_by_role("button", name="Next: credentials").click()
    page.get_by_label("An access key", exact=False).first.check()
    page.get_by_label("Access key ID").fill("AKIAIOSFODNN7EXAMPLE")
    page.get_by_label("Secret access key").fill("planted-secret-0123456789")
    page.get_by_label("Role ARN").fill("arn:aws:iam::567890123465:role/SecurityHubExporter")
    page.get_by_role("button", name="Create and test integration").click()
    expect("Nothing was created." in page.locator("[role=alert]").inner_text(), "an error is shown at the top", page)
    expect(page.get_by_label("Secret access key").input_value() == "", "a secret is not shown again", page)
    expect("planted" not in page.content(), "a secret is not shown again", page)
    page.get_by_label("Role ARN").fill("arn:aws:iam::567890123456:role/SecurityHubExporter")
    page.get_by_label("Secret access key").fill("planted-secret-0123456789")
    page.get_by_role("button", name="Create and test integration").click()
    expect("Created." in page.locator("main .note").first.inner_text(), "it was created and tested", page)
    expect(page.url.startswith(f"{base}/integrations/567890123456"), "its page follows", page)


def conflict(context: BrowserContext, page: Page, base: str) -> None:
    """Two windows change one integration: the second one is asked, and saves only its own change."""
    other = context.new_page()
    other.goto(f"{base}/integrations/123456789012/config")
    page.goto(f"{base}/integrations/123456789012/config")
    page.get_by_label("Archive previous findings").uncheck()
    page.get_by_role("button", name="Update configuration").click()
    other.get_by_label("Minimum severity").select_option("HIGH")
    other.get_by_role("button", name="Update configuration").click()
    expect("Your change is not saved yet." in other.locator("main").inner_text(), "a conflict is asked about", other)
    other.get_by_role("button", name="Save mine").click()
    expect("Changed: Minimum severity." in other.locator("main").inner_text(), "only mine is saved", other)
    other.goto(f"{base}/integrations/123456789012/config")
    expect(not other.get_by_label("Archive previous findings").is_checked(), "theirs stays", other)
    other.close()


def approve(page: Page, base: str, with_script: bool) -> None:
    """Approves an archive, watches the job, and gets to where it can be undone."""
    page.goto(f"{base}/runs/{RUN}")
    expect("The counts add up" in page.locator("main").inner_text(), "the counts add up", page)
    page.get_by_role("link", name="Approve…").first.click()
    page.get_by_label("I have reviewed these findings").check()
    page.get_by_label("Reason").fill("SEC-42: accounts closed")
    page.get_by_role("button", name="Archive 108 findings").click()
    expect("Job submitted." in page.locator("main .note").first.inner_text(), "an approval is a job", page)
    expect("SEC-42: accounts closed" in page.locator("main").inner_text(), "a job has its reason", page)
    if with_script:
        page.locator("progress").wait_for(timeout=20_000)
        # Live: the page is not loaded again.
        page.locator(".panel .st.good", has_text="succeeded").first.wait_for(timeout=20_000)
    else:
        for _ in range(20):
            page.wait_for_timeout(1000)
            page.get_by_role("link", name="Refresh").last.click()
            if page.locator(".panel .st.good", has_text="succeeded").count():
                break
    page.get_by_role("link", name="Undo the archive…").click()
    page.get_by_role("button", name="Undo the archive").click()
    expect("Job submitted." in page.locator("main .note").first.inner_text(), "an undo is a job", page)


# What is focused: its accessible name as far as text, labels, and values say it; and whether the focus can be seen.
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return { name: "", visible: true };
  const label = one.labels && one.labels.length ? one.labels[0].innerText : "";
  const style = getComputedStyle(one);
  const visible = style.outlineStyle !== "none" || style.boxShadow !== "none";
  return { name: (one.getAttribute("aria-label") || label || one.innerText || one.value || "").trim(), visible };
}"""
# Stops of the Tab key on a page at most.
TABS_MAX = 150
# Until a page that follows a key press has begun to load.
SETTLE_MS = 700


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the control of this name is focused. Each control on the way shows that it is focused."""
    names = []
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        expect(focused["visible"], f"the focus on {focused['name']!r} can be seen", page)
        names.append(focused["name"])
        if focused["name"].split("\n")[0].startswith(name):
            return
    raise AssertionError(f"{name!r} can't be reached with the Tab key: {page.url}: {names}")


def activate(page: Page, name: str, key: str = "Enter") -> None:
    """Reaches a control with the Tab key, and presses a key on it."""
    tab_to(page, name)
    page.keyboard.press(key)
    # A key press doesn't say whether another page follows.
    page.wait_for_timeout(SETTLE_MS)
    page.wait_for_load_state()


def keyboard(browser: Browser, link: str, with_script: bool) -> list[str]:
    """An operator without a mouse adds an account with its role, sees the test fail, reads the fix, approves an archive, undoes it, and
    redrives the quarantine. Each page is reached by the keys, too."""
    context = browser.new_context(java_script_enabled=with_script)
    watched = Watched(context, origin(link))
    page, note = watched.page, "main .note"
    page.goto(link)
    page.keyboard.press("Tab")
    expect(page.evaluate(FOCUSED)["name"].startswith("Skip"), "the first stop skips the navigation", page)

    activate(page, "Add integration")
    tab_to(page, "AWS provider")
    page.keyboard.type("678901234567")
    # A radio button is reached with Tab as a group, and chosen with the arrow keys.
    tab_to(page, "Use the provider's credentials")
    page.keyboard.press("ArrowDown")
    activate(page, "Next: credentials")
    for label, text in (("Role ARN", "arn:aws:iam::678901234567:role/SecurityHubExporter"), ("External ID", "keys-only-0123456789")):
        tab_to(page, label)
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
    activate(page, "Create and test integration")
    expect("Created." in page.locator(note).first.inner_text(), "it was created and tested", page)
    expect("keys-only-0123456789" in page.locator("main").inner_text(), "it has the External ID", page)
    activate(page, "Test")
    expect("Connection test failed." in page.locator(note).first.inner_text(), "the test shows its result", page)
    expect("aws iam update-assume-role-policy" in page.locator("main .remediation").first.inner_text(), "with its fix", page)

    activate(page, "Integrations")
    activate(page, "Review")
    activate(page, "Approve…")
    activate(page, "I have reviewed these findings", "Space")
    activate(page, "Archive 108 findings")
    expect("Job submitted." in page.locator(note).first.inner_text(), "an approval is a job", page)
    for _ in range(20):
        if page.get_by_role("link", name="Undo the archive…").count():
            break
        page.wait_for_timeout(1000)
        page.reload()
    activate(page, "Undo the archive…")
    activate(page, "Undo the archive")
    expect("Job submitted." in page.locator(note).first.inner_text(), "an undo is a job", page)

    activate(page, "Quarantine")
    activate(page, "Redrive all")
    expect("Redrive submitted." in page.locator(note).first.inner_text(), "a redrive is a job", page)
    context.close()
    return watched.problems


HOSTILE = """<!doctype html><meta charset="utf-8"><title>hostile</title>
<img id="image" src="{base}/integrations"><script src="{base}/integrations"></script>
<iframe id="frame" src="{base}/integrations"></iframe>
<form id="form" method="post" action="{base}/integrations/123456789012/disable" target="other"><input name="etag" value="*"></form>
<iframe name="other"></iframe>
"""


def hostile(browser: Browser, link: str) -> list[str]:
    """A page on another port of 127.0.0.1, in the browser that has the session: it can't post, frame, load, or rebind."""
    base = origin(link)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(HOSTILE.format(base=base).encode())

        def log_message(self, *_: object) -> None:
            pass

    problems, statuses, requests = [], [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        context = browser.new_context()
        page = context.new_page()
        page.goto(link)
        page.on("response", lambda response: statuses.append((response.request.method, response.url, response.status)))
        page.on("request", lambda request: requests.append((request.method, request.url)))
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.evaluate("document.getElementById('form').submit()")
        page.evaluate("""async base => { for (const mode of ['no-cors', 'cors'])
            try { await fetch(base + '/integrations/123456789012/disable', { method: 'POST', mode, credentials: 'include' }); } catch {} }""", base)
        page.wait_for_timeout(1000)
        ours = [status for status in statuses if status[1].startswith(base)]
        problems += [f"hostile: {method} {url} got {status}" for method, url, status in ours if status != 403]
        # What the policy of the response keeps from the page has no response here, but was requested.
        made = [request for request in requests if request[1].startswith(base)]
        if len(made) < 5 or not {"GET", "POST"} <= {method for method, _, _ in ours}:
            problems.append(f"hostile: too few requests were made: {made}, {ours}")
        page.goto(f"{base}/integrations/123456789012")
        expect("Enabled" in page.locator(".head").inner_text(), "nothing was changed", page)
        context.close()
    finally:
        server.shutdown()
    # A rebound name: the request arrives, with a Host that isn't the console's.
    port = base.rsplit(":", 1)[1]
    request = urllib.request.Request(f"{base}/integrations", headers={"Host": f"rebound.example:{port}"})
    try:
        urllib.request.urlopen(request)
        problems.append("hostile: a rebound name was served")
    except urllib.error.HTTPError as error:
        if error.code != 421 or error.read():
            problems.append(f"hostile: a rebound name got {error.code}")
    return problems


def screenshots(browser: Browser, link: str, folder: Path) -> None:
    """The pictures of docs/console.md."""
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(viewport={"width": 1120, "height": 860}, color_scheme="light")
    page = context.new_page()
    page.goto(link)
    for name, path in (("integrations", "/integrations"), ("run", f"/runs/{RUN}")):
        page.goto(origin(link) + path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"console-{name}.png", clip={"x": 0, "y": 0, "width": 1120, "height": 860})
    context.close()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--screenshots", type=Path)
    arguments = parser.parse_args()
    path = chromium.path()
    # The sandbox of Chrome doesn't run as root.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        if arguments.screenshots:
            with console(arguments.server) as link:
                screenshots(browser, link, arguments.screenshots)
            return 0
        script = axe()
        for name, options, looks, with_script in (
            ("with JavaScript", [], LOOKS, True),
            ("without JavaScript", [], [], False),
            # Its pages differ only in what they leave out.
            ("read-only", ["--read-only"], LOOKS[:1], True),
        ):
            with console(arguments.server, *options) as link:
                found = crawl(browser, link, script, looks, with_script)
            print(f"{name}: {len(found)} problems", flush=True)
            problems += found
        for with_script in (True, False):
            for scenario in (scenarios, keyboard):
                with console(arguments.server) as link:
                    problems += scenario(browser, link, with_script)
            print(f"scenarios {'with' if with_script else 'without'} JavaScript", flush=True)
        for test in (budget, hostile):
            with console(arguments.server) as link:
                problems += test(browser, link)
        browser.close()
    for problem in dict.fromkeys(problems):
        print(problem)
    print(f"{len(set(problems))} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
