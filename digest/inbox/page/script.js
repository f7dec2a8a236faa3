// Saves reloading: puts new mails into the list as they come and keeps where
// the list was scrolled to. Without it every link and form works all the same.
(() => {
  "use strict";
  const html = document.documentElement;
  const list = () => document.getElementById("list");
  let pane = document.getElementById("pane");

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

  // A press is answered when the mail is delivered, which may take a while.
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button[data-busy]");
    if (!button) return;
    const label = button.textContent;
    setTimeout(() => { button.disabled = true; button.textContent = button.dataset.busy; });
    addEventListener("pageshow", (shown) => {
      if (shown.persisted) { button.disabled = false; button.textContent = label; }
    }, { once: true });
  });

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
  if (html.dataset.version === undefined) { setTimeout(watch, 2000); return; }

  // The editor's desk: the page follows what the mails are made from.
  const say = (words, lost) => {
    const news = document.getElementById("news");
    news.classList.toggle("away", lost === true);
    if (news.textContent !== words) news.textContent = words;
  };

  // A frame is as tall as its mail, so that the page scrolls and not the frame.
  const fit = (frame) => {
    const root = frame.contentDocument?.documentElement;
    if (!root || frame.contentDocument.URL === "about:blank") return;
    frame.style.height = "0";
    frame.style.height = `${Math.max(root.scrollHeight, frame.contentDocument.body?.scrollHeight ?? 0)}px`;
  };
  const fitted = (frame) => {
    const stage = document.getElementById("stage"), place = stage?.scrollTop;
    fit(frame);
    if (stage) stage.scrollTop = place;
  };
  const follow = (frame) => {
    frame.addEventListener("load", () => fitted(frame));
    fit(frame);
  };
  document.querySelectorAll(".device iframe").forEach(follow);
  addEventListener("resize", () => document.querySelectorAll(".device iframe").forEach(fitted));

  // The mail as it is now is drawn out of sight and then takes the old one's place.
  const renew = (old, next) => {
    const fresh = old.cloneNode(false);
    old.parentNode.querySelectorAll(".coming").forEach((e) => e.remove()); // one that was overtaken
    fresh.className = "coming";
    fresh.loading = "eager";
    fresh.src = next.getAttribute("src");
    fresh.addEventListener("load", () => {
      if (!fresh.isConnected) return;
      const stage = document.getElementById("stage"), place = stage.scrollTop, top = scrollY;
      fit(fresh);
      fresh.className = "";
      old.remove();
      stage.scrollTop = place;
      scrollTo({ top, behavior: "instant" });
      fresh.addEventListener("load", () => fitted(fresh));
    }, { once: true });
    old.after(fresh);
  };

  // What can hold the focus is known by its id, its name, or where it leads.
  const handle = (e) => e === document.body ? "" : e.id ? `#${CSS.escape(e.id)}` : e.getAttribute("href") !== null ? `a[href="${CSS.escape(e.getAttribute("href"))}"]` : "";
  const change = (next) => {
    const held = handle(document.activeElement);
    const places = ["list", "stage"].map((id) => [id, document.getElementById(id)?.scrollTop]);
    const plain = document.querySelector(".plain")?.scrollTop, top = scrollY;
    const said = document.getElementById("news").textContent;
    document.title = next.title;
    html.dataset.version = next.documentElement.dataset.version;
    html.dataset.mails = next.documentElement.dataset.mails;
    document.body.className = next.body.className;
    document.querySelector(".masthead").replaceWith(next.querySelector(".masthead"));
    document.getElementById("news").textContent = said;
    document.getElementById("fault")?.remove();
    const fault = next.getElementById("fault");
    if (fault) document.querySelector("main").prepend(fault);
    list().replaceWith(next.getElementById("list"));
    const fresh = next.getElementById("pane");
    const stage = document.getElementById("stage"), stages = next.getElementById("stage");
    const form = document.getElementById("send"), forms = next.getElementById("send");
    if (form && forms) { // half an address may stand in it
      form.action = forms.action;
      form.elements.version.value = forms.elements.version.value;
    }
    if (stage && stages && stage.dataset.look === stages.dataset.look && fresh.dataset.id === pane.dataset.id) {
      const now = [...stages.querySelectorAll("iframe")];
      stage.querySelectorAll("iframe:not(.coming)").forEach((frame, i) => renew(frame, now[i]));
      // A frame that is moved loads again: all around them is put in their place.
      const around = (to, from, kept) => {
        for (const e of [...to.children]) if (e !== kept && !kept?.contains(e)) e.remove();
        let before = true;
        for (const e of [...from.children]) {
          if (e === stages) before = false;
          else if (before) to.insertBefore(e, kept);
          else to.append(e);
        }
      };
      around(pane, fresh, stage);
    } else {
      pane.replaceWith(fresh);
      pane = fresh;
      pane.querySelectorAll(".device iframe").forEach(follow);
    }
    if (form && forms) document.getElementById("send").replaceWith(form);
    for (const [id, place] of places) if (place !== undefined && document.getElementById(id)) document.getElementById(id).scrollTop = place;
    if (plain !== undefined && document.querySelector(".plain")) document.querySelector(".plain").scrollTop = plain;
    scrollTo({ top, behavior: "instant" });
    if (held) document.querySelector(held)?.focus({ preventScroll: true });
  };

  let asking = false, again = false;
  const update = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      do {
        again = false;
        const answer = await fetch(location.href.split("#")[0], { headers: { Accept: "text/html" } });
        change(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } while (again);
    } catch {
      say(away, true);
    }
    asking = false;
  };

  // A page out of sight asks nothing: a browser keeps only six lines open.
  let line;
  const listen = () => {
    line = new EventSource(`${html.dataset.root}events`);
    line.onmessage = (event) => {
      say("follows your changes");
      if (event.data !== html.dataset.version) update();
    };
    line.onerror = () => say(away, true);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { line?.close(); line = undefined; }
    else if (!line) listen();
  });
  if (!document.hidden) listen();
})();
