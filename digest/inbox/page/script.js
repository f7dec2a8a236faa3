// Saves reloading: puts new mails into the list as they come and keeps where
// the list was scrolled to. Without it every link and form works all the same.
(() => {
  "use strict";
  const html = document.documentElement;
  const list = () => document.getElementById("list");
  const pane = document.getElementById("pane");

  // The list's place, from one page to the next.
  const place = "courant-inbox-scroll";
  try {
    const kept = sessionStorage.getItem(place);
    if (kept !== null) list().scrollTop = Number(kept);
    addEventListener("pagehide", () => sessionStorage.setItem(place, String(list().scrollTop)));
  } catch { /* storage may be forbidden; then the list begins at its top */ }
  const current = list().querySelector("[aria-current]");
  const app = () => getComputedStyle(list()).overflowY === "auto";
  if (current && app()) {
    const row = current.getBoundingClientRect(), box = list().getBoundingClientRect();
    if (row.bottom < box.top + 80 || row.top > box.bottom - 40) current.scrollIntoView({ block: "center" });
  }

  // A press is answered when the edition is delivered, which may take a while.
  const form = document.querySelector("form[method=post]");
  if (form) {
    const button = form.querySelector("button");
    const label = button.textContent;
    form.addEventListener("submit", () => {
      setTimeout(() => { button.disabled = true; button.textContent = button.dataset.busy; });
    });
    addEventListener("pageshow", (event) => {
      if (event.persisted) { button.disabled = false; button.textContent = label; }
    });
  }

  // The list as it is now, in the place of the one shown.
  const refresh = async (state) => {
    const answer = await fetch(location.href.split("#")[0], { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = next.getElementById("list");
    if (!fresh) return;
    if (!pane.dataset.id) { location.reload(); return; }
    const more = state.mails - Number(html.dataset.mails);
    for (const row of fresh.querySelectorAll("[data-id]")) {
      // The pane still shows the mail it showed.
      if (row.dataset.id === pane.dataset.id) row.setAttribute("aria-current", "page");
      else row.removeAttribute("aria-current");
    }
    const old = list();
    const held = old.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
    const scroll = old.scrollTop;
    old.replaceChildren(...fresh.childNodes);
    old.scrollTop = scroll;
    if (held) old.querySelector(`[data-id="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
    if (more > 0) document.getElementById("news").textContent = more === 1 ? "1 is new" : `${more} are new`;
    html.dataset.mails = state.mails;
    html.dataset.rounds = state.rounds;
  };

  const away = "the program is not running";
  const watch = async () => {
    const news = document.getElementById("news");
    let wait = 2000;
    try {
      if (!document.hidden) {
        const answer = await fetch(html.dataset.root + "state");
        if (!answer.ok) throw new Error("no state");
        const state = await answer.json();
        if (news.textContent === away) news.textContent = "";
        if (String(state.mails) !== html.dataset.mails || String(state.rounds) !== html.dataset.rounds) await refresh(state);
      }
    } catch {
      wait = 10000;
      news.textContent = away; // the page stays as it last was
    }
    setTimeout(watch, wait);
  };
  setTimeout(watch, 2000);
})();
