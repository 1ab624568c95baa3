/* `/live.js`: adds to a page, if the browser runs scripts, numbers that refresh automatically and a
 * button that copies. No content depends on it. It requests the page's own URL again and replaces
 * the shown content with the answer, but not while the user selects or types, or while the page is
 * hidden.
 */
#include "admin/page.h"

static const char script[] =
    "'use strict';\n"
    "const every = 5000;\n"
    "let paused = false;\n"
    "function copies(root) {\n"
    "  for (const pre of root.querySelectorAll('pre[data-copy]')) {\n"
    "    const button = document.createElement('button');\n"
    "    button.className = 'copy';\n"
    "    button.textContent = 'Copy';\n"
    "    button.setAttribute('aria-describedby', pre.id + '-title');\n"
    "    button.addEventListener('click', async () => {\n"
    "      const range = document.createRange();\n"
    "      range.selectNodeContents(pre);\n"
    "      getSelection().removeAllRanges();\n"
    "      getSelection().addRange(range);\n"
    "      let done = document.execCommand('copy');\n"
    "      if (!done && navigator.clipboard)\n"
    "        done = await navigator.clipboard.writeText(pre.textContent).then(() => true, () => "
    "false);\n"
    "      button.textContent = done ? 'Copied' : 'Selected';\n"
    "    });\n"
    "    pre.before(button);\n"
    "  }\n"
    "}\n"
    "function busy(main) {\n"
    "  const focus = document.activeElement;\n"
    "  return paused || document.hidden || !getSelection().isCollapsed ||\n"
    "    (focus && main.contains(focus) && focus !== main);\n"
    "}\n"
    "async function refresh(main, note) {\n"
    "  if (busy(main)) return;\n"
    "  const answer = await fetch(location.href, {cache: 'no-store'}).catch(() => null);\n"
    "  note.textContent = answer && answer.ok ? 'live' : 'no answer';\n"
    "  if (!answer || !answer.ok || busy(main)) return;\n"
    "  const text = await answer.text();\n"
    "  const other = new DOMParser().parseFromString(text, 'text/html').getElementById('main');\n"
    "  if (!other || busy(main) || other.innerHTML === main.innerHTML) return;\n"
    "  const places = [...main.querySelectorAll('.wide')].map(e => [e.scrollLeft, e.scrollTop]);\n"
    "  main.replaceChildren(...other.childNodes);\n"
    "  main.querySelectorAll('.wide').forEach((e, i) => {\n"
    "    if (places[i]) [e.scrollLeft, e.scrollTop] = places[i];\n"
    "  });\n"
    "}\n"
    "copies(document);\n"
    "const main = document.getElementById('main');\n"
    "if (main && 'live' in main.dataset) {\n"
    "  const note = document.createElement('button');\n"
    "  note.className = 'live';\n"
    "  note.textContent = 'live';\n"
    "  note.title = 'Numbers move by themselves; press to stop';\n"
    "  note.setAttribute('aria-pressed', 'true');\n"
    "  note.addEventListener('click', () => {\n"
    "    paused = !paused;\n"
    "    note.textContent = paused ? 'stopped' : 'live';\n"
    "    note.setAttribute('aria-pressed', String(!paused));\n"
    "  });\n"
    "  document.querySelector('header').append(note);\n"
    "  setInterval(() => refresh(main, note), every);\n"
    "}\n";

void page_script(const struct page_request *request, FILE *to)
{
    (void)request;
    fputs(script, to);
}
