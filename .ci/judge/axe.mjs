// axe-core, over a mail as a reader has it on the screen.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// The ways to read a mail: on a desk and on a phone, in daylight and at night,
// from the other side, and where the client takes styles away. Some drop the
// style block and keep what is inline, some drop both.
export const modes = {
  "light": { width: 900 },
  "dark": { width: 900, dark: true },
  "phone": { width: 320 },
  "phone-dark": { width: 320, dark: true },
  "right-to-left": { width: 600, alter: () => { document.documentElement.dir = "rtl"; } },
  "no-style-block": { width: 600, alter: () => { for (const e of document.querySelectorAll("style")) e.remove(); } },
  "no-styles": { width: 900, alter: () => {
    for (const e of document.querySelectorAll("style")) e.remove();
    for (const e of document.querySelectorAll("[style]")) e.removeAttribute("style");
  } },
};

// look runs in the page. What axe could not decide counts too: a contrast that
// nobody could measure is not a good one.
async function look(reflow) {
  const { violations, incomplete, passes } = await axe.run(document, { resultTypes: ["violations", "incomplete", "passes"] });
  if (passes.length < 5) throw new Error(`only ${passes.length} rules had anything to look at: was a mail shown?`);
  const faults = [];
  for (const [found, doubt] of [[violations, ""], [incomplete, "undecided: "]]) {
    for (const rule of found) {
      for (const node of rule.nodes) {
        const why = [...node.any, ...node.all, ...node.none].map(c => c.message).join("; ");
        faults.push({ rule: rule.id, element: node.html, says: doubt + (why || rule.help) });
      }
    }
  }
  // WCAG 2.2, 1.4.10: nothing that is to be read lies beside the screen.
  const wide = document.documentElement.scrollWidth;
  if (reflow && wide > innerWidth) {
    faults.push({ rule: "reflow", element: "html", says: `is ${wide} px wide on a screen of ${innerWidth}` });
  }
  return faults;
}

// judge gives the faults of one mail in one mode.
export async function judge(browser, dir, html, name) {
  const mode = modes[name];
  const file = join(dir, "mail.html");
  writeFileSync(file, html);
  await browser.show(pathToFileURL(file).href, mode);
  if (mode.alter) await browser.evaluate(`(${mode.alter})()`);
  await browser.evaluate(source);
  return browser.evaluate(`(${look})(${mode.width === 320})`);
}
