// A Chromium without a head, spoken to in the devtools protocol over a pipe:
// no library between, no port that others could reach, and no network.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome"];

// find is the first Chromium on PATH; undefined: there is none.
function find() {
  for (const name of names) {
    for (const dir of (process.env.PATH ?? "").split(delimiter)) {
      if (dir && existsSync(join(dir, name))) return join(dir, name);
    }
  }
}

const flags = [
  "--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-extensions",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
  "--disable-dev-shm-usage", "--force-color-profile=srgb", "--host-resolver-rules=MAP * ~NOTFOUND",
];

// Browser is one running Chromium with one page.
export class Browser {
  #child; #profile; #session; #next = 1; #waiting = new Map(); #heard = new Map(); #rest = "";

  static async start() {
    const path = find();
    if (!path) throw new Error(`no Chromium on PATH (${names.join(", ")}): sh .ci/need chromium installs it`);
    const b = new Browser();
    b.#profile = mkdtempSync(join(tmpdir(), "courant-judge-"));
    const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : []; // which root can't have
    b.#child = spawn(path, [...flags, ...sandbox, `--user-data-dir=${b.#profile}`, "about:blank"],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    b.#child.on("error", e => b.#lost(e));
    b.#child.on("exit", code => b.#lost(new Error(`${path} ended with ${code}`)));
    b.#child.stdio[3].on("error", e => b.#lost(e));
    b.#child.stdio[4].setEncoding("utf8");
    b.#child.stdio[4].on("data", text => b.#read(text));
    const { targetInfos } = await b.call("Target.getTargets");
    const { targetId } = targetInfos.find(t => t.type === "page") ?? await b.call("Target.createTarget", { url: "about:blank" });
    b.#session = (await b.call("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    await b.call("Page.enable");
    return b;
  }

  // A message ends with a zero byte.
  #read(text) {
    const parts = (this.#rest + text).split("\0");
    this.#rest = parts.pop();
    for (const part of parts) {
      const m = JSON.parse(part);
      if (m.method) this.#heard.get(m.method)?.(m.params);
      const waiting = this.#waiting.get(m.id);
      if (!waiting) continue;
      this.#waiting.delete(m.id);
      if (m.error) waiting.reject(new Error(`${waiting.method}: ${m.error.message}`));
      else waiting.resolve(m.result);
    }
  }

  #lost(error) {
    for (const w of this.#waiting.values()) w.reject(error);
    this.#waiting.clear();
  }

  call(method, params = {}) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject, method });
      this.#child.stdio[3].write(JSON.stringify({ id, method, params, sessionId: this.#session }) + "\0");
    });
  }

  // show opens a file as wide, and in the colours, as the reader has it.
  async show(url, { width, dark }) {
    await this.call("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
    await this.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    const loaded = new Promise(resolve => this.#heard.set("Page.loadEventFired", resolve));
    const { errorText } = await this.call("Page.navigate", { url });
    if (errorText) throw new Error(`open ${url}: ${errorText}`);
    await loaded;
  }

  // evaluate runs an expression in the page and gives what it, or its promise, comes to.
  async evaluate(expression) {
    const { result, exceptionDetails: e } = await this.call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (e) throw new Error(e.exception?.description ?? e.text);
    return result.value;
  }

  async close() {
    const gone = new Promise(resolve => this.#child.once("exit", resolve));
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.call("Browser.close").catch(() => this.#child.kill());
      await gone;
    }
    try { // its own processes may still write there; what is left of a profile harms nobody
      rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    } catch {}
  }
}
