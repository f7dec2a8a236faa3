// Holds mails against html-validate and axe-core, and says what, where and in
// which mode: node judge.mjs FILE... ends with 1 if anything was found, with 2
// if nothing could be judged.
//
// First the judges themselves are tried. broken/ has mails with one fault each, and
// beside each what must be found in it, no more and no less: a judge that
// finds nothing in those would find nothing in ours.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as axe from "./axe.mjs";
import { Browser } from "./browser.mjs";
import * as markup from "./markup.mjs";

const broken = fileURLToPath(new URL("broken/", import.meta.url));

// faults lists what every judge finds in one mail.
async function faults(browser, dir, file) {
  const html = readFileSync(file, "utf8");
  const found = (await markup.judge(html, file)).map(f => ({ mode: "markup", ...f }));
  for (const mode of Object.keys(axe.modes)) {
    for (const f of await axe.judge(browser, dir, html, mode)) found.push({ mode, ...f });
  }
  return found;
}

// tryJudges gives what the judges missed, or saw where nothing is.
async function tryJudges(browser, dir) {
  const wrong = [];
  for (const name of readdirSync(broken).filter(n => n.endsWith(".html"))) {
    const file = join(broken, name);
    const want = readFileSync(file.replace(/html$/, "want"), "utf8").split("\n").filter(Boolean);
    const got = [...new Set((await faults(browser, dir, file)).map(f => `${f.mode} ${f.rule}`))];
    wrong.push(...want.filter(w => !got.includes(w)).map(w => `${name}: ${w} was not found`));
    wrong.push(...got.filter(g => !want.includes(g)).map(g => `${name}: ${g} was found, which is not in it`));
  }
  return wrong;
}

// tell prints the faults of a mail, a line each; of the same one only the first three.
function tell(file, found) {
  const times = {};
  for (const f of found) {
    const n = times[`${f.mode} ${f.rule}`] = (times[`${f.mode} ${f.rule}`] ?? 0) + 1;
    const one = s => s.replace(/\s+/g, " ").slice(0, 160);
    if (n <= 3) console.log(`${file}  ${f.mode}  ${f.rule}  ${one(f.element)}\n    ${one(f.says)}`);
  }
  for (const [what, n] of Object.entries(times)) {
    if (n > 3) console.log(`${file}  ${what}  and ${n - 3} more`);
  }
}

async function main(files) {
  if (files.length === 0) throw new Error("no mails to judge: node judge.mjs FILE...");
  const dir = mkdtempSync(join(tmpdir(), "courant-mail-"));
  const browser = await Browser.start();
  try {
    const wrong = await tryJudges(browser, dir);
    if (wrong.length > 0) throw new Error(`the judges cannot be trusted:\n  ${wrong.join("\n  ")}`);
    let total = 0;
    for (const file of files) {
      const found = await faults(browser, dir, file);
      total += found.length;
      tell(basename(file), found);
    }
    console.log(`${files.length} mails by html-validate, and by axe-core in ${Object.keys(axe.modes).join(", ")}: ${total || "no"} violations`);
    return total > 0 ? 1 : 0;
  } finally {
    await browser.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  console.error(`judge: ${e.message}`);
  process.exitCode = 2;
}
