"""The web page in a real browser, on the shipped binary."""
import time
import unittest

import browser
import model
from server import Server, wait_until, write_project

CONFIG = """
name: web
workflows: [{source: ./trip.yaml}, {source: ./wide.yaml}, {source: ./ask.yaml}]
models: [{provider: openai, model: scripted, api_url: "http://127.0.0.1:PORT/v1", api_key: none, default: true}]
tools:
  - {id: flaky, description: fails at first, execute: ./tools/flaky.py, input: {type: object}}
  - {id: broken, description: always fails, execute: ./tools/broken.py, input: {type: object}}
"""

TRIP = """
id: trip
description: Writes a postcard.
config:
  input:
    type: object
    properties: {place: {type: string, default: Lisbon, description: Where to.}, days: {type: integer, default: 3}}
    required: [place]
agents:
  - id: writer
    instructions: You write postcards.
    actions: [{id: write, prompt: "WORDS about {{ .workflow.input.place }}"}]
tasks:
  - {id: begin, type: basic, with: {place: "{{ .workflow.input.place }}"}, on_success: {next: write}}
  - {id: write, type: basic, agent: writer, action: write, on_success: {next: stops}}
  - id: stops
    type: collection
    items: "1..3"
    task: {id: "stop-{{ .index }}", type: basic, with: {n: "{{ .item }}"}, sleep: 200ms}
    on_success: {next: shaky}
  - id: shaky
    type: basic
    tool: flaky
    config: {retry_policy: {initial_interval: 300ms, maximum_attempts: 3}}
    on_success: {next: doomed}
  - id: doomed
    type: basic
    tool: broken
    config: {retry_policy: {maximum_attempts: 1}}
    on_success: {next: finish}
    on_error: {next: finish}
  - {id: finish, type: basic, with: {done: true}}
"""

WIDE = """
id: wide
tasks:
  - id: all
    type: collection
    items: "1..2000"
    task: {id: "item-{{ .index }}", type: basic, with: {n: "{{ .item }}"}}
"""

ASK = """
id: ask
tasks:
  - id: outer
    type: composite
    tasks:
      - id: sign
        type: approval
        message: "Pay <b>9</b>?"
        form: {type: object, required: [account], properties: {account: {type: string}, fast: {type: boolean}}}
outputs: {values: "{{ .tasks.outer.children.sign.output.values }}"}
"""

FLAKY = """#!/usr/bin/env python3
import json, pathlib, sys
json.load(sys.stdin)
seen = pathlib.Path(__file__).with_name("seen")
if not seen.exists():
    seen.touch()
    print(json.dumps({"error": {"message": "the ferry is late", "retryable": True}}))
else:
    print(json.dumps({"result": {"ferry": "came"}}))
"""

BROKEN = """#!/usr/bin/env python3
import json, sys
json.load(sys.stdin)
print(json.dumps({"error": {"message": "no such quay", "retryable": False}}))
"""

WORDS = " ".join(f"word{n}" for n in range(60))
STATUS = "document.querySelector('.title .pill')?.textContent"


def row(task):
    return f"document.querySelector('.row[data-path^=\"{task}#\"]')"


@unittest.skipUnless(browser.find(), "needs chromium")
class WebTest(unittest.TestCase):
    def setUp(self):
        self.model = self.enterContext(model.ScriptedModel(pause_s=0.05, chunks=60))
        self.project = write_project({
            "compozy.yaml": CONFIG.replace("PORT", str(self.model.port)), "trip.yaml": TRIP.replace("WORDS", WORDS), "wide.yaml": WIDE, "ask.yaml": ASK,
            "tools/flaky.py": FLAKY, "tools/broken.py": BROKEN})
        self.server = self.enterContext(Server(self.project))
        self.browser = self.enterContext(browser.Browser())

    def open(self, path="/", key=True):
        return self.browser.open(self.server.url + path + (f"#key={self.server.key}" if key else ""))

    def test_a_run_is_started_and_watched_on_the_page_across_a_kill_and_a_restart(self):
        page = self.open()
        page.wait("[...document.querySelectorAll('.samples article')].find((e) => e.textContent.startsWith('trip'))", "the samples")
        page.get("[...document.querySelectorAll('.samples article')].find((e) => e.textContent.startsWith('trip')).querySelectorAll('button')[1].click()")
        page.wait("document.querySelector('dialog input[name=place]')?.value === 'Lisbon'", "the form with its default")
        page.get("(() => { const e = document.querySelector('dialog input[name=place]'); e.value = '<img src=x onerror=\"window.owned=1\">';"
                 " e.dispatchEvent(new Event('input', {bubbles: true})); })()")
        page.click("#go")
        page.wait(row("write"), "the task in the waterfall")
        page.get("window.mark = 'the same document'")
        page.get(row("write") + ".click()")
        early = page.wait("document.querySelector('.live .said')?.textContent.length", "the model's text")
        page.wait(f"document.querySelector('.live .said')?.textContent.length > {early}", "more of the text")
        page.wait("document.querySelector('.live .said')?.textContent.includes('word20')", "the middle of the text")

        port = int(self.server.url.rsplit(":", 1)[1])
        self.server.kill()
        page.wait("document.getElementById('link').textContent.includes('reconnecting')", "the lost connection")
        self.server.start_process(port)
        page.wait("document.getElementById('link').textContent === 'live'", "the stream again")

        page.wait("document.querySelector('.row[data-path^=\"shaky#\"]')?.dataset.status === 'RETRY'", "the announced retry")
        page.wait(STATUS + " === 'success'", "the end of the run")
        self.assertEqual(page.get("window.mark"), "the same document")
        self.assertIsNone(page.get("window.owned"))
        run = self.server.wait(page.get("location.hash.split('/')[2]"))
        self.assertEqual(run["status"], "SUCCESS")
        self.assertEqual(page.get("document.querySelectorAll('.row').length"), len(run["tasks"]))
        self.assertIn("word59", page.get("document.querySelector('.turn.answer .said').textContent"))

        page.get(row("shaky") + ".click()")
        page.wait("document.querySelector('.attempts')?.textContent.includes('the ferry is late')", "the failed attempt's reason")
        page.get(row("doomed") + ".click()")
        page.wait("document.querySelector('.detail .error-box')?.textContent.includes('no such quay')", "the error")
        self.assertEqual(page.get(row("doomed") + ".dataset.status"), "FAILED")
        events = self.server.events(run["exec_id"])
        page.click_text(".tabs button", "Events")
        page.wait(f"document.querySelectorAll('.events details').length === {len(events)}", "each event once")
        self.assertEqual(page.complaints(), [])

    def test_an_approval_is_answered_on_the_page(self):
        run = self.server.start("ask")
        page = self.open()
        page.click("tbody a.mono")
        page.click("[data-approval]")
        page.wait("document.querySelector('dialog .question')?.textContent === 'Pay <b>9</b>?'", "the question, as text")
        page.click("#approve")
        page.wait("document.querySelector('dialog .problem')?.textContent.includes('account')", "what is missing")
        page.get("document.querySelector('dialog input[name=account]').focus()")
        page.type("savings")
        page.click("#approve")
        self.assertEqual(self.server.wait(run)["output"]["values"], {"account": "savings", "fast": False})
        page.wait(STATUS + " === 'success'", "the end of the run")
        page.wait("!document.querySelector('[data-approval]')", "the question being gone")
        self.assertEqual(page.complaints(), [])

    def test_a_phone_shows_everything_without_scrolling_sideways(self):
        run = self.server.start("ask")
        page = self.open()
        page.send("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True})
        wide = "document.querySelector('main').scrollWidth"
        page.wait("document.querySelector('tbody tr')", "the runs")
        self.assertEqual(page.get(wide), 360)
        page.get(f"location.hash = '#/runs/{run}'")
        page.wait(row("outer"), "the waterfall")
        self.assertEqual(page.get(wide), 360)
        for tab in ("Events", "Input & output", "JSON"):
            page.click_text("[role=tab]", tab)
            page.wait("document.querySelector('.other')?.childElementCount", tab)
            self.assertEqual(page.get(wide), 360, tab)

    def test_an_address_that_makes_no_sense_shows_the_page_all_the_same(self):
        for address in ("/#/runs/%", "/#/runs/%E0%A4%A", "/#key=%", "/#/nowhere/%"):
            page = self.open(address, key=False)
            page.wait("document.querySelector('.gate, .empty')", address)
            self.assertEqual(page.complaints(), [], address)

    def test_the_key_is_asked_for_and_leaves_the_address(self):
        page = self.open()
        page.wait("document.querySelector('.empty h2')", "the page")
        self.assertEqual(page.get("location.hash"), "#/runs")
        other = self.open(key=False)
        other.wait("document.querySelector('.gate input')", "the question for the key")
        other.type("cpzy_wrong")
        other.press("Enter")
        other.wait("document.querySelector('.gate')?.textContent.includes('does not know this key')", "the refusal")
        other.type(self.server.key)
        other.press("Enter")
        other.wait("document.querySelector('.empty h2')", "the page behind the key")

    def test_two_thousand_tasks_are_drawn_in_slices(self):
        page = self.open()
        page.wait("document.querySelector('.samples')", "the samples")
        run = self.server.start("wide")
        self.server.wait(run, 120)
        page.click("tbody a.mono")
        page.wait("document.querySelector('.facts')?.textContent.includes('2001')", "all tasks", 60)
        page.wait(STATUS + " === 'success'", "the status")
        self.assertLess(page.get("document.querySelectorAll('.row').length"), 100)
        page.get("document.querySelector('.rows').focus()")
        for _ in range(3):
            page.press("j")
        self.assertEqual(page.get("document.querySelector('.row[aria-selected=true] .id').textContent"), "item-1")
        began = time.monotonic()
        page.press("/")
        page.type("item-1999")
        page.wait("document.querySelectorAll('.row').length === 1", "the filter")
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(page.complaints(), [])

    def test_a_run_is_paused_and_cancelled_from_the_page(self):
        page = self.open()
        run = self.server.start("trip", {"place": "Oslo"})
        page.click("tbody a.mono")
        page.click_text(".actions button", "Pause")
        page.wait(STATUS + " === 'paused'", "the pause")
        page.click_text(".actions button", "Resume")
        page.wait(STATUS + " === 'running'", "the run going on")
        page.click_text(".actions button", "Cancel")
        page.click_text("dialog button", "Cancel the run")
        page.wait(STATUS + " === 'canceled'", "the cancellation")
        wait_until(lambda: self.server.run(run)["status"] == "CANCELED", "the end")


if __name__ == "__main__":
    unittest.main()
