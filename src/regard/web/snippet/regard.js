// <script async src="https://regard.example/regard.js" data-key="WRITE_KEY"></script>
// Page views, and what people do when a page fails them: rage clicks, dead clicks, forms begun and left.
(() => {
  const me = document.currentScript || document.querySelector("script[data-key]");
  if (!me || window.regard?.ready) return;
  const { key, consent: mode } = me.dataset;
  const to = me.dataset.to || new URL(me.src).origin;
  const quiet = navigator.doNotTrack === "1" || window.doNotTrack === "1" || navigator.globalPrivacyControl === true;
  const AT_ONCE = 100, EVENT_BYTES = 30_000, BODY_BYTES = 60_000, WAIT = 2_000, RAGE = { n: 3, ms: 1_000, px: 30 }, DEAD = 1_200;
  const later = window.regard?.q || [];

  // -- who and whether: nothing is stored or sent before consent, and nothing at all where the browser says no --
  const store = (name, value) => {
    try {
      if (value === undefined) return localStorage.getItem("regard." + name);
      if (value === null) localStorage.removeItem("regard." + name);
      else localStorage.setItem("regard." + name, value);
    } catch { /* storage can be closed to us; a visit is then a stranger's */ }
    return null;
  };
  const id = () => crypto.randomUUID?.() || [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  const said = () => mode !== "required" || store("consent") === "yes";
  let allowed = !quiet && said() && store("consent") !== "no";
  let anonymous = null, userId, proof; // proof: the site's own server says that this visitor is userId
  const who = () => {
    anonymous ||= store("anonymous") || id();
    userId ??= store("user") || undefined;
    proof ??= store("proof") || undefined;
    store("anonymous", anonymous);
  };
  const forget = (...more) => {
    for (const one of ["anonymous", "user", "proof", ...more]) store(one, null);
    anonymous = null;
    userId = proof = undefined;
  };

  // -- out: gathered for a moment, sent in one request, and once more when the page goes away --
  let queue = [], held = [], timer = 0, pause = WAIT;
  const page = () => ({ path: location.pathname, referrer: document.referrer, title: document.title, url: location.origin + location.pathname });
  const add = (type, more) => {
    if (quiet || !allowed) return;
    who();
    const event = {
      type, messageId: id(), anonymousId: anonymous, userId, originalTimestamp: new Date().toISOString(),
      context: { page: page(), proof, locale: navigator.language, library: { name: "regard.js", version: "1" }, screen: { width: innerWidth, height: innerHeight } }, ...more,
    };
    if (JSON.stringify(event).length > EVENT_BYTES) return;
    queue.push(event);
    if (queue.length >= AT_ONCE) send();
    else timer ||= setTimeout(send, WAIT);
  };
  const body = (batch) => JSON.stringify({ writeKey: key, sentAt: new Date().toISOString(), batch });
  const keep = () => store("waiting", queue.length ? JSON.stringify(queue.slice(-AT_ONCE)) : null);
  async function send() {
    clearTimeout(timer);
    timer = 0;
    if (held.length || !queue.length) return;
    held = queue.splice(0, AT_ONCE);
    let again = true;
    try {
      const answer = await fetch(to + "/v1/batch", { method: "POST", headers: { "Content-Type": "text/plain" }, body: body(held), credentials: "omit" });
      again = answer.status === 429 || answer.status >= 500;
    } catch { /* no net: they wait, here and in storage */ }
    if (again) queue.unshift(...held);
    held = [];
    keep();
    pause = again ? Math.min(pause * 2, 60_000) : WAIT;
    if (queue.length) timer = setTimeout(send, pause);
  }
  function leave() {
    const rest = held.concat(queue); // what is on its way may be cut off; its messageId makes a second copy harmless
    while (rest.length) {
      let part = [];
      while (rest.length && body(part.concat(rest[0])).length < BODY_BYTES) part.push(rest.shift());
      if (!part.length || !navigator.sendBeacon(to + "/v1/batch", new Blob([body(part)], { type: "text/plain" }))) break;
      queue = queue.filter((one) => !part.includes(one));
    }
    keep();
  }

  // -- what a failing page makes people do --
  const name = (at) => {
    const one = at.closest("a,button,input,select,textarea,label,summary,[role],[onclick]") || at;
    const text = one.matches("input,select,textarea") ? one.name || one.id : one.getAttribute("aria-label") || one.innerText || "";
    return { element: one.tagName.toLowerCase() + (one.id ? "#" + one.id : ""), text: text.trim().slice(0, 80) };
  };
  const signal = (event, more) => add("track", { event, properties: { ...more, path: location.pathname } });
  let clicks = [], changed = 0;
  new MutationObserver(() => (changed = performance.now())).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  for (const kind of ["scroll", "input", "change", "focusin", "submit", "play", "fullscreenchange"]) addEventListener(kind, () => (changed = performance.now()), true);
  addEventListener("click", (event) => {
    if (!event.isTrusted || !(event.target instanceof Element)) return;
    const at = performance.now(), where = name(event.target);
    const one = { at, x: event.clientX, y: event.clientY };
    clicks = clicks.filter((old) => at - old.at < RAGE.ms && Math.hypot(old.x - one.x, old.y - one.y) < RAGE.px).concat(one);
    if (clicks.length === RAGE.n) signal("Rage Clicked", where);
    const looks = event.target.closest("button,[role=button],[role=link],[onclick],a") || getComputedStyle(event.target).cursor === "pointer";
    if (!looks || event.target.closest("a[target],a[download],a[href^='mailto:'],a[href^='tel:'],input,select,textarea,label")) return;
    const before = location.href, seen = getSelection()?.toString();
    setTimeout(() => {
      const same = changed < at && location.href === before && getSelection()?.toString() === seen && !document.hidden;
      if (same && clicks.length < RAGE.n) signal("Dead Clicked", where);
    }, DEAD);
  }, true);
  const forms = new Map(); // form -> names of the fields touched; never what was typed
  addEventListener("input", ({ target }) => {
    const form = target?.form;
    if (!form || form.method === "dialog" || form.matches("[role=search],[data-regard=off]") || target.type === "password") return;
    const begun = forms.get(form) || { at: Date.now(), fields: new Set() };
    begun.fields.add(target.name || target.id || target.type);
    forms.set(form, begun);
  }, true);
  addEventListener("submit", ({ target }) => forms.delete(target), true);
  function abandoned() {
    for (const [form, { at, fields }] of forms) {
      const last = [...fields].pop();
      signal("Form Abandoned", { form: form.id || form.getAttribute("name") || form.action.split("?")[0], fields: fields.size, last_field: last, seconds: Math.round((Date.now() - at) / 1000) });
    }
    forms.clear();
  }

  // -- pages, single-page applications among them --
  let shown = "";
  const view = () => {
    const now = location.pathname + location.hash.replace(/^#(?!\/|!).*/, "");
    if (now === shown) return;
    if (shown) abandoned();
    shown = now;
    add("page", { name: document.title, properties: page() });
  };
  for (const way of ["pushState", "replaceState"]) {
    const as = history[way];
    history[way] = function (...given) {
      as.apply(this, given);
      setTimeout(view);
    };
  }
  addEventListener("popstate", view);
  addEventListener("hashchange", view);
  addEventListener("visibilitychange", () => document.hidden && leave());
  addEventListener("pagehide", () => (abandoned(), leave()));
  addEventListener("pageshow", (event) => event.persisted && ((shown = ""), view()));
  addEventListener("online", send);

  function start() {
    try { queue = JSON.parse(store("waiting") || "[]").concat(queue); } catch { /* damaged: begin anew */ }
    view();
  }
  window.regard = {
    ready: true,
    track: (event, properties = {}) => add("track", { event, properties }),
    page: (title = document.title, properties = {}) => add("page", { name: title, properties: { ...page(), ...properties } }),
    identify: (user, traits = {}, vouched) => {
      if (allowed) {
        [userId, proof] = [String(user), vouched];
        store("user", userId);
        store("proof", proof ?? null);
      }
      add("identify", { traits });
    },
    reset: () => forget(),
    consent: (yes) => {
      const was = allowed;
      if (!yes) {
        queue = [];
        forget("waiting");
      }
      if (!quiet) store("consent", yes ? "yes" : "no");
      allowed = !quiet && !!yes;
      if (allowed && !was) { shown = ""; start(); }
    },
    flush: send,
  };
  if (allowed) start();
  for (const [verb, ...given] of later) window.regard[verb]?.(...given);
})();
