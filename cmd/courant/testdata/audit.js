// Looks at the page as it is laid out and coloured just now, and lists what
// would keep somebody from reading or using it. The numbers in brackets are
// the success criteria of WCAG 2.2.
(({mail, tool, desk}) => {
  const faults = [];
  const name = e => e.tagName.toLowerCase() + (e.value && e.tagName === "BUTTON" ? "[" + e.value + "]" : "") +
    (e.className ? "." + e.className : "") + " " + JSON.stringify((e.textContent || "").trim().slice(0, 40));
  const visible = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && e.getClientRects().length > 0;
  const all = selector => [...document.querySelectorAll(selector)].filter(visible);

  // Colours: what is see-through is mixed with what lies below.
  const rgba = s => { const n = s.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  const ground = e => {
    const c = e ? rgba(getComputedStyle(e).backgroundColor) : canvas;
    return c[3] === 1 ? c : over(c, ground(e.parentElement));
  };
  const luminance = c => {
    const [r, g, b] = c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const readable = (e, what, color, below, least) => {
    const c = contrast(over(rgba(color), below), below);
    if (c < least) faults.push(`contrast of ${what} is ${c.toFixed(2)}, want ${least}: ${name(e)}`);
  };

  // Every piece of text that shows (1.4.3), no allowance for large type.
  let texts = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || !visible(e)) continue;
    texts++;
    readable(e, "text", getComputedStyle(e).color, ground(e), 4.5);
  }
  if (texts < 2) faults.push(`only ${texts} pieces of text are to be seen`);

  // The edges of controls, or else their own ground (1.4.11).
  for (const e of all("button, textarea, input:not([type=checkbox])")) {
    const s = getComputedStyle(e), below = ground(e.parentElement);
    if (contrast(ground(e), below) < 3) readable(e, "edge", s.borderTopColor, below, 3);
  }

  // Where the keyboard is (2.4.7, 2.4.13).
  const held = document.activeElement;
  if (held !== document.body && held.matches(":focus-visible")) {
    const s = getComputedStyle(held);
    if (s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 2) faults.push(`the focus does not show: ${name(held)}`);
    else readable(held, "focus ring", s.outlineColor, ground(held.parentElement), 3);
  }

  // What a screen reader is told (1.1.1, 2.4.2, 3.1.1, 4.1.2).
  const root = document.documentElement;
  if (!/^[a-z]{2,3}(-|$)/.test(root.lang)) faults.push(`lang is "${root.lang}"`);
  if (root.dir !== getComputedStyle(document.body).direction) faults.push(`dir is "${root.dir}"`);
  if (document.title.length < 3) faults.push(`the title is "${document.title}"`);
  for (const e of all("button, a, input, textarea, summary, section, fieldset")) {
    if (!(e.computedName || "").trim()) faults.push(`nothing says what this is: ${name(e)}`);
  }
  for (const e of document.querySelectorAll("img:not([alt])")) faults.push(`a picture without alt: ${e.src}`);
  for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby], label[for]")) {
    for (const id of `${e.getAttribute("aria-labelledby") ?? ""} ${e.getAttribute("aria-describedby") ?? ""} ${e.htmlFor ?? ""}`.trim().split(/\s+/)) {
      if (!document.getElementById(id)) faults.push(`"${id}" is named but not there: ${name(e)}`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) faults.push(`the id "${id}" stands twice`);

  // Headings and landmarks (1.3.1, 2.4.1). A mail is a table and has none.
  const levels = all("h1, h2, h3, h4, h5, h6").map(e => Number(e.tagName[1]));
  if (levels.filter(l => l === 1).length !== 1 || levels[0] !== 1) faults.push(`headings ${levels}: want one h1, first`);
  levels.forEach((l, i) => { if (l > (levels[i - 1] ?? 0) + 1) faults.push(`headings ${levels}: a level is skipped`); });
  if (mail) {
    for (const e of document.querySelectorAll("table:not([role=presentation])")) faults.push(`a table of data: ${name(e)}`);
  } else {
    if (document.querySelectorAll("main").length !== 1) faults.push("want one main");
    for (const e of document.body.children) {
      if (!["HEADER", "MAIN", "FOOTER"].includes(e.tagName)) faults.push(`outside of every landmark: ${name(e)}`);
    }
  }

  // Room: nothing wider than the window (1.4.10), nothing too small to hit (2.5.8).
  const wide = root.clientWidth;
  if (root.scrollWidth > wide) faults.push(`${root.scrollWidth} pixels wide in a window of ${wide}`);
  for (const e of all("body *")) {
    const r = e.getBoundingClientRect();
    if (r.width > 1 && (r.right > wide + 0.5 || r.left < -0.5)) faults.push(`sticks out, ${r.left} to ${r.right} of ${wide}: ${name(e)}`);
  }
  for (const e of all("button, summary, label:has(input)")) {
    const r = e.getBoundingClientRect();
    if (r.height < 44 && e.tagName !== "SUMMARY" || r.height < 24 || r.width < 24) faults.push(`${r.width} by ${r.height} pixels are hard to hit: ${name(e)}`);
  }

  // Nothing that runs, nothing that comes from elsewhere by itself. A tool may
  // have its own script, and a frame that may do nothing; an editor's desk may
  // look into its frames, in which still no script runs.
  for (const e of document.querySelectorAll("*")) {
    const ours = e.tagName === "SCRIPT" ? e.src.startsWith(location.origin + "/") : e.tagName === "IFRAME" && e.sandbox.length > 0 && !/script/.test(e.sandbox) && (desk || !/same-origin/.test(e.sandbox));
    // The sign-up page has the one script that reads the browser's time zone.
    const zone = e.tagName === "SCRIPT" && e.src === location.origin + "/zone.js" && e.textContent === "";
    if (!(tool && ours) && !zone && /^(script|iframe|object|embed|base)$/i.test(e.tagName)) faults.push(`a ${e.tagName} is on the page`);
    for (const a of e.attributes) {
      if (/^on/i.test(a.name) || /^\s*javascript:/i.test(a.value)) faults.push(`a script in ${a.name}: ${name(e)}`);
    }
  }
  if (document.querySelector("meta[http-equiv=refresh i]")) faults.push("the page goes elsewhere by itself");
  return faults;
})
