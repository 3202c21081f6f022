// Daypass's pages work without this file. With it, times are the reader's own,
// countdowns count, the filter is instant, and Copy exists.
"use strict";
(() => {
  const doc = document;
  const all = (what, within = doc) => [...within.querySelectorAll(what)];
  const one = (what, within = doc) => within.querySelector(what);
  doc.documentElement.classList.add("js");

  // Countdowns follow the server's clock: the reader's may be wrong.
  const skew = (Date.parse(doc.body.dataset.now) || Date.now()) - Date.now();
  const now = () => Date.now() + skew;
  const parsed = (text) => Date.parse(text);

  // Times ------------------------------------------------------------------
  const sameDay = (a, b) => a.toDateString() === b.toDateString();
  const clock = new Intl.DateTimeFormat([], { timeStyle: "short" });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
  const dayYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

  const dated = (t) => (t.getFullYear() === new Date(now()).getFullYear() ? day : dayYear).format(t);
  const worded = (t, kind) => {
    if (kind === "day") return dated(t);
    return sameDay(t, new Date(now())) ? clock.format(t) : dated(t) + " " + clock.format(t);
  };

  const localise = () => {
    if (doc.body.dataset.zone !== "local") return;
    for (const el of all("time[data-at]")) {
      const t = new Date(el.dateTime);
      if (isNaN(t)) continue;
      el.title = t.toISOString().replace("T", " ").slice(0, 16) + " UTC";
      el.textContent = worded(t, el.dataset.at);
    }
    const note = one("[data-zone-note]");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (note && zone) note.textContent = "Times are in " + zone + ".";
  };

  // Countdowns -------------------------------------------------------------
  const join = (a, x, b, y) => (b ? `${a} ${x} ${b} ${y}` : `${a} ${x}`);
  const span = (ms, fine) => {
    const s = Math.floor(ms / 1000), m = Math.floor(s / 60), h = Math.floor(m / 60);
    if (fine && m < 10) return m ? `${m} min ${String(s % 60).padStart(2, "0")} s` : `${s} s`;
    if (m < 1) return "less than a minute";
    if (m < 60) return m + " min";
    if (h < 48) return join(h, "h", m % 60, "min");
    return join(Math.floor(h / 24), "d", h % 24, "h");
  };
  const put = (el, text) => { if (el.textContent !== text) el.textContent = text; };

  const tickLeft = () => {
    for (const el of all("[data-left]")) {
      const ms = parsed(el.dataset.left) - now();
      put(el, ms > 0 ? span(ms, "fine" in el.dataset) + " left" : "over");
    }
  };
  const tickState = (box) => {
    const ms = parsed(box.dataset.until) - now(), gone = ms <= 0;
    const soon = !gone && ms < 120000;
    if (box.classList.contains("soon") !== soon) box.classList.toggle("soon", soon);
    if (box.classList.contains("gone") !== gone) box.classList.toggle("gone", gone);
    all("[data-live]", box).forEach((el) => { el.hidden = gone; });
    all("[data-over]", box).forEach((el) => { el.hidden = !gone; });
    const bar = one("progress", box);
    if (bar) bar.value = Math.min(bar.max, (now() - parsed(bar.dataset.from)) / 1000);
    // Said twice in a token's life, not every second.
    const said = one("[data-announce]", box);
    if (said && (soon || gone)) put(said, gone ? "This token is spent." : "This token has two minutes left.");
  };
  const tick = () => {
    if (doc.hidden) return;
    tickLeft();
    all("[data-until]").forEach(tickState);
  };

  // Filter -----------------------------------------------------------------
  const filter = (field) => {
    const rows = all("#" + field.dataset.filter + " > li");
    const count = one("[data-filter-count]"), none = one("[data-filter-none]"), recents = one("[data-recents]");
    const matching = () => rows.filter((r) => !r.hidden);
    // The address follows once typing rests: browsers bound how often it may.
    let later = 0;
    const keep = () => {
      const url = new URL(location.href);
      if (field.value.trim()) url.searchParams.set(field.name, field.value); else url.searchParams.delete(field.name);
      history.replaceState(null, "", url);
    };
    const apply = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const r of rows) r.hidden = !words.every((w) => r.dataset.text.includes(w));
      const n = matching().length;
      count.textContent = words.length ? (n === 1 ? "1 match" : n + " matches") : "";
      none.hidden = n > 0;
      if (recents) recents.hidden = words.length > 0;
      clearTimeout(later);
      later = setTimeout(keep, 300);
    };
    field.addEventListener("input", apply);
    field.form.addEventListener("submit", (e) => {
      e.preventDefault();
      const left = matching();
      if (left.length === 1) one("a", left[0]).click();
    });
    if (field.value) apply();
  };

  // Choosing a role --------------------------------------------------------
  const choosing = (form) => {
    const sync = () => {
      const role = one("[name=role]:checked", form);
      if (!role) return;
      all("[data-plan]:not(input)").forEach((el) => { el.hidden = el.dataset.plan !== role.dataset.plan; });
      clamp(form, Number(role.dataset.longest));
      const pill = one("[data-seconds]:checked", form);
      askReason(form, role, pill);
      const end = one("[data-lease-end]");
      if (end && pill) end.textContent = one("time", pill.parentElement).textContent;
    };
    form.addEventListener("change", sync);
    sync();
  };
  const clamp = (form, longest) => {
    const pills = all("[data-seconds]", form);
    for (const p of pills) p.disabled = Number(p.dataset.seconds) > longest;
    if (!pills.some((p) => p.checked && !p.disabled)) {
      const fits = pills.filter((p) => !p.disabled);
      if (fits.length) fits[fits.length - 1].checked = true;
    }
    one("[data-clamped]", form).hidden = !pills.some((p) => p.disabled);
  };
  const askReason = (form, role, pill) => {
    const field = one("[data-reason]", form);
    if (!field) return;
    const asked = !pill || Number(pill.dataset.seconds) > Number(role.dataset.free);
    field.hidden = !asked;
    const box = one("textarea", field);
    box.required = asked;
    const hint = one(".operator:not([hidden])", field);
    if (hint && !box.hasAttribute("aria-invalid")) box.setAttribute("aria-describedby", hint.id);
    one("[data-reason-when]", field).textContent = "";
  };

  // A form that is sent once -----------------------------------------------
  const once = (form) => {
    form.addEventListener("submit", (e) => {
      if (form.hasAttribute("aria-busy")) e.preventDefault();
      form.setAttribute("aria-busy", "true");
    });
    window.addEventListener("pageshow", () => form.removeAttribute("aria-busy"));
  };

  // Copy -------------------------------------------------------------------
  const say = (text, by) => { const el = by?.closest("section")?.querySelector("[data-copy-said]") ?? one("[data-copy-said]"); if (el) el.textContent = text; };

  class Refusal extends Error {}

  // Only plain text is ever copied: an error page never is.
  const fetched = async (form) => {
    let r;
    try {
      r = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(new FormData(form)),
        headers: { Accept: "text/plain" }, redirect: "error", cache: "no-store",
      });
    } catch { throw new Refusal("Daypass did not answer. Try again."); }
    if (r.status === 401) throw new Refusal("You are signed out. Sign in again.");
    if (r.ok && (r.headers.get("Content-Type") || "").startsWith("text/plain")) return r.text();
    const problem = await r.json().catch(() => ({}));
    throw new Refusal(problem.detail || problem.title || "Not copied. Press Show to see why.");
  };

  // Safari wants the clipboard asked within the click, before the text is here.
  const toClipboard = async (text) => {
    if (window.ClipboardItem && navigator.clipboard && navigator.clipboard.write) {
      const blob = text.then((t) => new Blob([t], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      return;
    }
    await navigator.clipboard.writeText(await text);
  };

  const copying = (form) => {
    form.hidden = false;
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      if (form.hasAttribute("aria-busy")) return;
      form.setAttribute("aria-busy", "true");
      say("Copying…");
      const text = fetched(form);
      text.catch(() => {}); // told below
      try {
        await toClipboard(text);
        say(form.dataset.copy === "plain" ? "Copied." : "Copied. It holds a secret.");
      } catch {
        await text.then(offer, (why) => say(why.message));
      } finally {
        form.removeAttribute("aria-busy");
      }
    });
  };
  // The clipboard refused (plain HTTP, policy): the text is shown, selected.
  const offer = (text) => {
    const box = one("[data-copy-refused]");
    box.value = text;
    box.hidden = false;
    box.focus();
    box.select();
    say("The browser refused its clipboard. The text is selected: press Ctrl+C or ⌘C.");
  };

  const select = (el) => { getSelection().selectAllChildren(el); el.focus(); };
  const copyingText = (button) => {
    const el = doc.getElementById(button.dataset.copyText);
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(el.textContent);
        say("Copied.", button);
      } catch {
        select(el);
        say("The browser refused its clipboard. The text is selected: press Ctrl+C or ⌘C.", button);
      }
    });
  };
  const selecting = (button) => {
    button.hidden = false;
    button.addEventListener("click", () => select(doc.getElementById(button.dataset.select)));
  };

  // Keys --------------------------------------------------------------------
  // Single keys act unless somebody turned them off: who speaks to a computer
  // presses keys without meaning to (WCAG 2.1.4). They are on at first, as
  // they are told beside what they do, and the switch is on the same page.
  const remembered = "daypass.keys";
  const keysAre = () => { try { return localStorage.getItem(remembered) !== "off"; } catch { return true; } };
  const remember = (on) => { try { localStorage.setItem(remembered, on ? "on" : "off"); } catch { /* then for this page alone */ } };

  // What each key does on this page: the first control there is.
  const keyed = { "/": ["[data-filter]"], c: ["[data-copy] button", "[data-copy-text]"], d: ["form[action$='/download'] button"] };
  const keysHere = () => {
    const here = new Map();
    for (const [key, places] of Object.entries(keyed)) {
      const el = places.map((p) => one(p)).find(Boolean);
      if (el) here.set(key, el);
    }
    return here;
  };
  const typing = (el) => el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName);
  const press = (here) => (e) => {
    if (!doc.documentElement.classList.contains("keys") || e.defaultPrevented || e.repeat || e.isComposing) return;
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || !here.has(e.key)) return;
    e.preventDefault();
    const el = here.get(e.key);
    if (el.tagName === "INPUT") el.select(); else el.click();
  };
  const hint = (key, el) => {
    if (el.tagName === "INPUT") return; // it has its own
    const k = doc.createElement("kbd");
    k.textContent = key;
    k.setAttribute("aria-hidden", "true");
    el.append(k);
  };
  const keys = () => {
    const here = keysHere(), foot = one(".bottom");
    if (!here.size || !foot) return;
    here.forEach((el, key) => hint(key, el));
    const toggle = doc.createElement("button");
    toggle.type = "button";
    toggle.className = "quiet";
    const turn = (on) => {
      doc.documentElement.classList.toggle("keys", on);
      toggle.textContent = "Keyboard shortcuts: " + (on ? "on" : "off");
      here.forEach((el, key) => { if (on) el.setAttribute("aria-keyshortcuts", key); else el.removeAttribute("aria-keyshortcuts"); });
    };
    toggle.addEventListener("click", () => {
      const on = !doc.documentElement.classList.contains("keys");
      remember(on);
      turn(on);
    });
    turn(keysAre());
    foot.append(toggle);
    doc.addEventListener("keydown", press(here));
  };

  localise();
  tick();
  setInterval(tick, 1000);
  doc.addEventListener("visibilitychange", tick);
  all("[data-filter]").forEach(filter);
  all("[data-start]").forEach(choosing);
  all("[data-once]").forEach(once);
  all("[data-copy]").forEach(copying);
  all("[data-copy-text]").forEach(copyingText);
  all("[data-select]").forEach(selecting);
  keys();
  const wrong = one("[data-focus]");
  if (wrong) wrong.focus();
})();
