"""The dashboard and the report's page in a browser: by day and by night, wide and narrow, by keyboard
and without scripts. What a person must be able to read and reach."""
import itertools

import pytest

from harness import browser as browsers, gate as gates, places
from test_crossings import CROSSINGS

PAGES = {"overview": "/", "searched": "/?q=billing", "hour": "/?range=hour", "queries": "/queries",
         "edge": "/queries?service=billing&owner=clinical&range=day&sort=last",
         "query": "/query?service=business", "service": "/service?service=clinical", "policy": "/policy",
         "why": "/why?user=billing_service&sql=SELECT+*+FROM+invoices+JOIN+clinical_data.patients",
         "undetermined": "/why?user=billing_service&sql=SELECT+%27", "report": None}
WIDE, NARROW = 1280, 400

# Each text that is shown: its contrast (WCAG 2) with the colours behind it, where that is below 4.5; and
# each edge of a field below 3.
POOR_CONTRAST = """
const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const colours = text => [...text.matchAll(/rgba?\\(([^)]*)\\)/g)].map(m => m[1].split(',').map(Number))
    .filter(c => c.length < 4 || c[3] > 0);
const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
function behind(element) {
    for (let e = element; e; e = e.parentElement) {
        const style = getComputedStyle(e);
        const found = colours(style.backgroundImage).concat(colours(style.backgroundColor));
        if (found.length) return found;
    }
    return [canvas];
}
const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
const poor = [];
let seen = 0;
function check(element, colour, least, what) {
    seen++;
    for (const back of behind(element)) {
        const found = ratio(colours(colour)[0], back);
        if (found < least) poor.push([what, element.className, found, colour, back.join()]);
    }
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; node = walker.nextNode();) {
    const element = node.parentElement, style = getComputedStyle(element);
    if (!node.data.trim() || !element.checkVisibility()) continue;
    check(element, element.closest('svg') ? style.fill : style.color, 4.5, node.data.trim());
}
for (const field of document.querySelectorAll('input,textarea')) {
    check(field, getComputedStyle(field).color, 4.5, 'typed into ' + field.id);
    check(field, getComputedStyle(field, '::placeholder').color, 4.5, 'hint in ' + field.id);
    check(field.parentElement, getComputedStyle(field).borderTopColor, 3, 'edge of ' + field.id);
}
return [seen, poor];
"""

# Numbers every element that keys should reach, in the order of the page.
MARK = """
const all = [...document.querySelectorAll('a[href],button,input,textarea,summary,[tabindex="0"]')]
    .filter(e => e.checkVisibility());
all.forEach((e, i) => e.dataset.stop = i);
return all.map(e => (e.id || e.className || '') + ' ' + e.textContent.slice(0, 30));
"""
FOCUSED = """
const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
return [e.dataset.stop === undefined ? null : Number(e.dataset.stop),
        style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        box.width > 0 && box.right > 0 && box.left < innerWidth];
"""


@pytest.fixture(scope="module")
def browser():
    one = browsers.Browser()
    yield one
    one.close()


@pytest.fixture(scope="module")
def pages(mariadb):
    """Where each page is, after some crossings."""
    port = places.free_port()
    gate = gates.Gate(mariadb, changes=[("proxy", "admin", f"127.0.0.1:{port}"),
                                        ("edge:billing->payment", "mode", "block")])
    try:
        gate.start()
        for times, (service, statement, value, _) in zip((3, 1, 40, 300, 2000), CROSSINGS.values()):
            connection = gate.connect(f"{service}_service", program_name=f"{service}-api")
            for _ in range(times):
                with connection.cursor() as cursor:
                    try:
                        cursor.execute(f"{statement} /*route='%%2F{service}%%2F:id'*/", [value])
                    except gates.pymysql.Error as refused:
                        assert refused.args[0] == 1142
            connection.close()
        places.wait_for(lambda: sum(one["count"] for one in gate.events("violation")) >= 2344)
        report = gate.folder / "report.html"
        report.write_text(gates.run("report", "--html", gate.violations_file).stdout)
        yield {name: f"http://127.0.0.1:{port}{path}" if path else report.as_uri()
               for name, path in PAGES.items()}
        gate.process.terminate()
        assert gate.process.wait(30) == 0
    finally:
        gate.remove()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("page", PAGES)
def test_is_legible_by_day_and_night_wide_and_narrow(browser, pages, page, tmp_path):
    for scheme, width in itertools.product(("light", "dark"), (WIDE, NARROW)):
        browser.open(pages[page], width=width, scheme=scheme)
        seen, poor = browser.run(POOR_CONTRAST)
        assert seen > 20 and not poor, (scheme, width, poor[:5])
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), \
            f"wider than {width}"
        assert not browser.complaints()
        browser.picture(tmp_path / f"{scheme}-{width}.png")
    pictures = {one.read_bytes() for one in tmp_path.glob("*.png")}
    assert len(pictures) == 4 and all(len(one) > 10000 for one in pictures)


@pytest.mark.long(short=1)
@pytest.mark.parametrize("page", PAGES)
def test_keys_reach_all_and_are_seen_to(browser, pages, page):
    """Tab goes through everything in the page's order, shows where it is, and out at the end."""
    browser.open(pages[page], height=2000)
    stops = browser.run(MARK)
    assert len(stops) > 4
    for number, stop in enumerate(stops):
        browser.press(browsers.TAB)
        at, outlined, visible = browser.run(FOCUSED)
        assert at == number, f"{stop!r} should have the focus, not {at}"
        assert outlined and visible, f"one does not see that {stop!r} has the focus"
    browser.press(browsers.TAB)
    assert browser.run(FOCUSED)[0] in (None, 0), "Tab does not lead out"


def test_a_number_of_the_matrix_leads_to_its_queries(browser, pages):
    """By keyboard alone; also where the queries are folded away."""
    browser.open(pages["report"])
    browser.run("document.querySelectorAll('details').forEach(e => e.open = false);"
                "document.querySelector('.heat .s5 a').focus()")
    browser.press(browsers.ENTER)
    assert places.wait_for(lambda: browser.run(
        "const e = document.querySelector(':target');"
        "return e && e.checkVisibility() && e.textContent.includes('JOIN clinical_data.patients p')"))
    browser.open(pages["overview"])
    browser.run("document.querySelector('.heat .s4 a').focus()")
    browser.press(browsers.ENTER)
    assert places.wait_for(lambda: browser.run("return location.search")
                           == "?service=business&owner=clinical")
    rows = browser.run("return [...document.querySelectorAll('#queries tbody tr')]"
                       ".map(e => e.textContent)")
    assert len(rows) == 1 and "clinical_data.patients" in rows[0]


def test_shades_keep_their_order_in_grey(browser, pages):
    """By day darker with each step, by night lighter; far enough apart to be told from each other."""
    script = """
        return [1, 2, 3, 4, 5].map(n => {
            const e = document.createElement('i');
            e.className = 's' + n;
            document.body.append(e);
            const [r, g, b] = getComputedStyle(e).backgroundColor.match(/\\d+/g).map(Number);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        })"""
    for scheme, order in (("light", -1), ("dark", 1)):
        browser.open(pages["report"], scheme=scheme)
        greys = browser.run(script)
        assert all((after - before) * order > 15 for before, after in zip(greys, greys[1:])), greys


@pytest.mark.long(short=1)
@pytest.mark.parametrize("page", reversed(PAGES))
def test_nothing_is_missing_without_scripts(browser, pages, page):
    """What scripts add is that numbers move by themselves, and buttons that copy."""
    shown = []
    for scripts in (True, False):
        browser.open(pages[page], scripts=scripts)
        shown.append(browser.devtools("Accessibility.getFullAXTree")["nodes"])
    names = [[(node["role"]["value"], node.get("name", {}).get("value")) for node in nodes
              if not node["ignored"] and node["role"]["value"] in ("heading", "cell", "link")
              and "ago" not in str(node.get("name"))] for nodes in shown]
    assert len(names[0]) > 5 and names[0] == names[1]
    browser.open(pages[page])
    assert browser.run("return [...document.scripts].map(e => e.getAttribute('src'))") == \
        ([] if page == "report" else ["/live.js"])
