"""From a number to what to do about it, in a browser: three clicks from the matrix to a pasted grant, many
services and queries on a page, numbers that move by themselves, and what axe-core says of it all."""
import itertools
import json
import os
import pathlib
import re
import urllib.request

import pytest

from harness import browser as browsers, crowd, gate as gates, places, wire

LONG = os.environ.get("SILOGATE_LONG") == "1"
AXE = places.NODE_MODULES / "axe-core/axe.min.js"


@pytest.fixture(scope="module")
def browser():
    one = browsers.Browser()
    yield one
    one.close()


def start(server, services, queries, most):
    port = places.free_port()
    one = crowd.Crowd(server, services, admin=f"127.0.0.1:{port}", changes=[("log", "repeat", "1s")], stored=True)
    one.gate.start()
    one.send(queries, most=most)
    one.at = f"http://127.0.0.1:{port}"
    held = one.hold_what_is_granted_no_more()
    assert places.wait_for(lambda: one.gate.metrics().total("unexplained") == 1, 60, 0.2)
    held.quit()  # a database with an open transaction in it is not dropped
    assert places.wait_for(lambda: json.loads(get(one, "/api/catalogue")), 60, 0.2)
    return one


def end(one):
    try:
        one.gate.stop()
    finally:
        one.gate.remove()
        one.free()


@pytest.fixture(scope="module")
def hospital(mariadb):
    """14 services with 400 queries, with what is stored on the server, moves to come, and a find of the witness."""
    one = start(mariadb, 14, 400, 20)
    yield one
    end(one)


@pytest.fixture(scope="module")
def city(mysql):
    """60 services, the same way; with SILOGATE_LONG=1 with 5,000 queries."""
    one = start(mysql, 60, 5000 if LONG else 1500, 2)
    yield one
    end(one)


@pytest.fixture(scope="module")
def quiet(mariadb):
    """14 services of which nobody has sent anything, without an account."""
    port = places.free_port()
    one = crowd.Crowd(mariadb, 14, admin=f"127.0.0.1:{port}")
    one.gate.start()
    one.at = f"http://127.0.0.1:{port}"
    yield one
    one.gate.stop()
    one.gate.remove()


def get(one, path):
    with urllib.request.urlopen(one.at + path, timeout=60) as answer:
        return answer.read().decode()


def busiest(one):
    return json.loads(get(one, "/api/queries?limit=1"))[0]


def pages_of(one):
    query = (json.loads(get(one, "/api/queries?limit=1")) or [{"service": "auth", "digest": "1", "edges": ["billing"],
                                                              "user": "crowd_auth"}])[0]
    caused = [found for found in json.loads(get(one, "/api/queries?limit=1000")) if found["causes"]][:1] or [query]
    return {"overview": "/", "day": "/?range=day", "searched": "/?q=c00", "queries": "/queries",
            "edge": f"/queries?service={query['service']}&owner={query['edges'][0]}",
            "query": f"/query?service={query['service']}&digest={query['digest']}",
            "service": f"/service?service={query['edges'][0]}", "none": "/query?digest=1",
            "caused": f"/query?service={caused[0]['service']}&digest={caused[0]['digest']}",
            "nobody": "/service?service=nobody", "nothing": "/queries?q=zzz",
            "policy": "/policy", "why": f"/why?user={query['user']}&sql=SELECT+1+FROM+auth_db.t",
            "asked": "/why"}


def click(browser, selector):
    """A press of the mouse at the middle of what `selector` finds first."""
    spot = browser.run("const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center'});"
                       "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]",
                       selector)
    for kind in ("mousePressed", "mouseReleased"):
        browser.devtools("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left",
                         clickCount=1)


def there(browser, selector):
    return browser.run("return !!document.querySelector(arguments[0])", selector)


def path_of(browser):
    return browser.run("return location.pathname")


def test_three_clicks_from_the_matrix_to_a_pasted_grant(browser, hospital, tmp_path):
    """The lines, pasted into proxy.ini as they are, allow the query; nothing else is changed."""
    browser.devtools("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    browser.open(hospital.at + "/", width=1400)
    cell = '.heat td a[title^="auth reaches into billing"]'
    click(browser, cell)
    assert places.wait_for(lambda: path_of(browser) == "/queries" and there(browser, "#queries td.statement a"))
    statement = browser.run("return document.querySelector('#queries td.statement code').textContent")
    click(browser, "#queries td.statement a")
    assert places.wait_for(lambda: path_of(browser) == "/query")
    assert places.wait_for(lambda: browser.run("return !!document.querySelector('.copy')"))
    click(browser, ".copy")  # the first: the grant's
    assert places.wait_for(lambda: browser.run("return document.querySelector('.copy').textContent") == "Copied")
    browser.run("const e = document.createElement('textarea'); e.id = 'pasted'; document.body.append(e); e.focus()")
    browser.devtools("Input.dispatchKeyEvent", type="keyDown", key="v", commands=["paste"])
    pasted = browser.run("return document.getElementById('pasted').value")
    assert pasted.startswith("[grant:auth-")
    ini = tmp_path / "proxy.ini"
    ini.write_text(hospital.gate.ini + "\n" + pasted)
    checked = gates.run("check", "-c", ini)
    assert checked.returncode == 0, checked.stderr + pasted
    before, after = (gates.run("explain", "-c", path, "--user", "crowd_auth", "--json",
                               input=statement) for path in (hospital.gate.path, ini))
    assert before.returncode == 1 and after.returncode == 0, (before.stdout, after.stdout, after.stderr)


def tab_to(browser, selector):
    """Presses Tab until what `selector` finds has the focus."""
    for _ in range(400):
        browser.press(browsers.TAB)
        if browser.run("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"no Tab reaches {selector}")


def test_the_same_way_by_keyboard(browser, hospital):
    """Tab and Enter alone, from the page's start on."""
    browser.open(hospital.at + "/", width=1400)
    for selector, path in (('.heat td a[title^="auth reaches into billing"]', "/queries"),
                           ("#queries td.statement a", "/query")):
        tab_to(browser, selector)
        browser.press(browsers.ENTER)
        assert places.wait_for(lambda: path_of(browser) == path), path  # noqa: B023: called at once
    assert places.wait_for(lambda: browser.run("return !!document.querySelector('.copy')"))
    tab_to(browser, ".copy")
    browser.press(browsers.ENTER)
    assert places.wait_for(lambda: browser.run("return document.querySelector('.copy').textContent") == "Copied")


def test_the_call_of_explain_is_what_was_seen(hospital):
    """And the edge's lines are ones that proxy.ini takes."""
    query = busiest(hospital)
    text = get(hospital, f"/query?service={query['service']}&digest={query['digest']}")
    assert f"line {query['line']}" in text and query["rule"] in text and query["id"] in text
    assert f'/why?user={query["user"]}&amp;sql=' in text
    assert re.search(r'id="explain"[^>]*>silogate explain -c &#39;', text)
    edge = re.search(r'<pre id="edge"[^>]*>(.*?)</pre>', text, re.DOTALL)[1].replace("&gt;", ">")
    ini = hospital.gate.folder / "edge.ini"
    ini.write_text(hospital.gate.ini + "\n" + edge)
    checked = gates.run("check", "-c", ini)
    assert checked.returncode == 0, checked.stderr


A4 = 1039  # an A4 sheet on its side, less its margins of 11 mm, in CSS pixels
CUT = """
return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('svg')
    && e.getBoundingClientRect().right > arguments[0] + 1).map(e => e.tagName + ' ' + e.className).slice(0, 5)"""


@pytest.mark.long
def test_nothing_is_cut_on_paper(browser, hospital, city, tmp_path):
    """Paper does not scroll: with 14 services and with 60, pages and report."""
    for one in (hospital, city):
        report = tmp_path / "report.html"
        report.write_text(gates.run("report", "--html", one.gate.violations_file).stdout)
        for name, address in {**{name: one.at + path for name, path in pages_of(one).items()},
                              "report": report.as_uri()}.items():
            browser.open(address, width=A4, media="print")
            assert browser.run("return document.documentElement.scrollWidth") <= A4, name
            assert browser.run(CUT, A4) == [], (name, browser.run("return Math.max(...[...document.querySelectorAll('table')].map(e => e.getBoundingClientRect().right))"))


@pytest.mark.long
@pytest.mark.parametrize("width", [1400, 400])
def test_pages_fit_their_window(browser, hospital, city, width):
    """No page is wider than its window; at 1,400 px 14 services need no scrolling at all."""
    for one in (hospital, city):
        for name, path in pages_of(one).items():
            browser.open(one.at + path, width=width)
            assert browser.run("return document.documentElement.scrollWidth") <= width, (name, width)
            assert not browser.complaints(), name
    browser.open(hospital.at, width=width)
    box = "const e = document.querySelector('#matrix .wide'); return [e.scrollWidth, e.clientWidth]"
    inside, room = browser.run(box)
    assert width == 400 or inside <= room
    browser.open(city.at, width=width)
    inside, room = browser.run(box)
    assert inside > room, "60 services scroll inside of their own frame"


@pytest.mark.long
def test_heads_stay_in_sight(browser, city):
    """Scrolled to its far end, the matrix still says whose row and whose column it is."""
    browser.open(city.at, width=1400)
    seen = browser.run("""
        const frame = document.querySelector('#matrix .wide'), box = frame.getBoundingClientRect();
        frame.scrollTo(frame.scrollWidth, frame.scrollHeight);
        const inside = e => {
            const b = e.getBoundingClientRect();
            return b.left >= box.left - 1 && b.right <= box.right + 1 && b.top >= box.top - 1 &&
                b.bottom <= box.bottom + 1;
        };
        const rows = [...frame.querySelectorAll('tbody tr')];
        return [inside(rows.at(-1).querySelector('th')), inside(frame.querySelector('thead th:last-child')),
                inside(frame.querySelector('thead th'))]""")
    assert seen == [True, True, True]


def test_what_else_holds_data_back_is_on_the_pages(hospital, quiet):
    """What is stored on the server, what the witness has seen, what keeps moves back; and where there is nothing,
    a word that says so."""
    overview = get(hospital, "/")
    assert "title=\"auth reaches into billing: " in overview and "&#9671; 1" in overview
    assert "hold tables that nothing explains: 1 since the start, " in overview
    assert "Nothing, since the start: each statement on their tables can be mapped" in overview
    for path, word in (("/", "Nobody, since the start."), ("/queries", "None, since the start."),
                       ("/queries?q=zzz", "None that match the search, since the start."),
                       ("/service?service=auth", "Can move:"), ("/service?service=nobody", "No service of this name"),
                       ("/query?digest=1", "No such query")):
        assert word in get(quiet, path), path
    assert "explains" not in get(quiet, "/") and "#9671; 1" not in get(quiet, "/")


def test_every_query_of_an_edge_is_reached_page_by_page(browser, hospital):
    """By links alone, with scripts off."""
    edges = {}
    for query in json.loads(get(hospital, "/api/queries?limit=1000")):
        edges[query["service"]] = edges.get(query["service"], 0) + 1
    service, count = max(edges.items(), key=lambda item: item[1])
    assert count > 50
    path, seen = f"/queries?service={service}", []
    while path:
        text = get(hospital, path)
        seen += re.findall(r'<td class="statement"><a class="plain" href="([^"]*)"', text)
        following = re.search(r'rel="next" href="([^"]*)"', text)
        path = following and following[1].replace("&amp;", "&")
    assert len(seen) == count == len(set(seen))


def test_search_and_sorting(hospital):
    rows = re.findall(r"<code>(.*?)</code>", get(hospital, "/queries?q=delete"))
    assert rows and all(row.startswith("DELETE") for row in rows)
    text = get(hospital, "/queries?sort=statement&service=auth")
    rows = re.findall(r'<td class="statement">.*?<code>(.*?)</code>', text)
    assert len(rows) > 20 and rows == sorted(rows)
    assert 'aria-sort="descending"' in text


def test_a_service_has_its_busiest_edges_first(hospital):
    text = get(hospital, f"/service?service={busiest(hospital)['edges'][0]}")
    for section in ("used-by", "uses"):
        part = text.split(f'id="{section}"')[1].split("</section>")[0]
        numbers = [int(number.replace(",", "")) for number in re.findall(r'<td class="n"><a [^>]*>([\d,]+)</a>', part)]
        assert len(numbers) > 3 and numbers == sorted(numbers, reverse=True)


@pytest.mark.long
def test_numbers_move_by_themselves(browser, hospital):
    """Where there are scripts; not while somebody has pressed stop."""
    browser.open(hospital.at, width=1400)
    read = "return document.querySelector('.tiles b').textContent"
    before = browser.run(read)
    connection = wire.connect(hospital.gate.port, "crowd_auth", password="crowd", database=None)
    with pytest.raises(wire.Error):
        connection.query("SELECT brand_new FROM billing_db.invoices")
    assert places.wait_for(lambda: browser.run(read) != before, every=0.3)
    click(browser, ".live")
    stopped = browser.run(read)
    with pytest.raises(wire.Error):
        connection.query("SELECT brand_newer FROM billing_db.invoices")
    connection.close()
    assert not places.wait_for(lambda: browser.run(read) != stopped, 7, 0.5)
    click(browser, ".live")
    assert places.wait_for(lambda: browser.run(read) != stopped, every=0.3)
    assert not browser.complaints()


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, hospital, request, scheme):
    """WCAG 2.2 A and AA, and best practices; narrow and dark for those pages that differ then. SILOGATE_LONG=1:
    all of them, with 60 services and with nothing to show too."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: scripts/deps test")
    crowds = [hospital, *map(request.getfixturevalue, ("city", "quiet"))] if LONG else [hospital]
    for one, (name, path) in ((one, page) for one in crowds for page in pages_of(one).items()):
        differs = name in ("overview", "query") or LONG
        if scheme == "dark" and not differs:
            continue
        for width in (1400, 400) if differs and (LONG or scheme == "light") else (1400,):
            browser.open(one.at + path, width=width, scheme=scheme)
            browser.devtools("Runtime.evaluate", expression=AXE.read_text())
            found = browser.run_async("""
                const done = arguments[arguments.length - 1];
                axe.run(document, {resultTypes: ['violations']}).then(result => done(result.violations
                    .filter(one => ['serious', 'critical', 'moderate'].includes(one.impact))
                    .map(one => [one.impact, one.id, one.nodes[0].html.slice(0, 300)])))""")
            assert found == [], (name, width)


@pytest.mark.long
def test_axe_finds_nothing_serious_in_the_report(browser, hospital, tmp_path):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: scripts/deps test")
    page = tmp_path / "report.html"
    page.write_text(gates.run("report", "--html", hospital.gate.violations_file).stdout)
    browser.open(page.as_uri(), width=1400)
    browser.devtools("Runtime.evaluate", expression=AXE.read_text())
    found = browser.run_async("""
        const done = arguments[arguments.length - 1];
        axe.run(document, {resultTypes: ['violations']}).then(result => done(result.violations
            .filter(one => ['serious', 'critical'].includes(one.impact))
            .map(one => [one.impact, one.id, one.nodes[0].html.slice(0, 300)])))""")
    assert found == []


@pytest.mark.skipif(not LONG, reason="SILOGATE_LONG=1: pictures of all pages, for people to look at")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_all_pages(browser, hospital, city, quiet, tmp_path, scheme):
    """Into SILOGATE_PICTURES, or a folder of the test's: 14 and 60 services, and 14 that do nothing, wide and
    400 px, by day and night, and the report on paper."""
    folder = pathlib.Path(os.environ.get("SILOGATE_PICTURES", tmp_path))
    folder.mkdir(exist_ok=True)
    for name, one in (("hospital", hospital), ("city", city), ("quiet", quiet)):
        report = tmp_path / f"{name}.html"
        report.write_text(gates.run("report", "--html", one.gate.violations_file).stdout)
        addresses = {page: one.at + path for page, path in pages_of(one).items()}
        addresses["report"] = report.as_uri()
        for (page, address), width in itertools.product(addresses.items(), (1400, 400)):
            browser.open(address, width=width, scheme=scheme)
            browser.picture(folder / f"{name}-{page}-{scheme}-{width}.png")
            assert (folder / f"{name}-{page}-{scheme}-{width}.png").stat().st_size > 8000
        if scheme == "light":
            for page in ("overview", "service", "report")[:3 if one is hospital else 2]:
                browser.open(addresses[page])
                browser.paper(folder / f"{name}-{page}.pdf")
                assert (folder / f"{name}-{page}.pdf").read_bytes().startswith(b"%PDF")
