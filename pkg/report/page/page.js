// The page of a run: timeline, tree and detail, from rows that package page makes. It asks nobody for anything, but where
// `flowrun ui` serves it: there new rows come as server-sent events.
"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, name, text) => {
    const e = document.createElement(tag);
    if (name) e.className = name;
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const glyphs = {succeeded: "✓", failed: "✗", cancelled: "⊘", skipped: "↓", waiting: "◷", running: "▶", unfinished: "?"};

  // The rows come as JSON, deflated, in base64.
  const packed = Uint8Array.from(atob($("data").textContent), (c) => c.charCodeAt(0));
  const run = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).json();
  const steps = new Map(); // by number
  let root = null, leaves = [], longest = [];
  const began = performance.now() - run.now;
  const now = () => run.live ? Math.max(run.now, performance.now() - began) : run.now;

  // ---- the tree

  // place sets every step below the one that it belongs to; the steps of an earlier attempt of a block below a row for that.
  const tries = new Map();
  function place() {
    for (const s of steps.values()) s.kids = [], s.former = null;
    for (const s of steps.values()) {
      const up = steps.get(s.u);
      if (!up) { root = s; s.up = null; continue }
      if (!s.x) { s.up = up; up.kids.push(s); continue }
      const key = up.n + "/" + s.x;
      let t = tries.get(key);
      if (!t) tries.set(key, t = {n: "t" + key, p: up.p, d: "attempt " + s.x, k: "", s: "", up, try: s.x, a: [], q: []});
      if (!up.former) up.former = [];
      if (!up.former.includes(t)) up.former.push(t), t.kids = [];
      s.up = t;
      t.kids.push(s);
    }
    const byOrder = (a, b) => a.o - b.o;
    for (const s of steps.values()) {
      s.kids.sort(byOrder);
      if (!s.former) continue;
      for (const t of s.former) {
        const a = s.a.find((a) => a.n === t.try) || {};
        t.b = a.b; t.e = a.e; t.s = a.s || "failed"; t.y = a.y;
        t.kids.sort(byOrder);
      }
      s.kids = s.former.concat(s.kids);
    }
    leaves = [];
    const walk = (s, depth) => {
      s.depth = depth;
      if (s.works) leaves.push(s);
      s.bad = s.s === "failed" || s.s === "running" || s.s === "unfinished";
      for (const k of s.kids) {
        walk(k, depth + 1);
        if (k.bad) s.bad = true;
      }
    };
    if (root) walk(root, 0);
    longest = leaves.filter((s) => !s.x && took(s) > 0).sort((a, b) => took(b) - took(a)).slice(0, 10);
  }

  const add = (rows) => {
    for (const r of rows) {
      r.a ||= []; r.q ||= [];
      const s = steps.get(r.n);
      if (s) Object.assign(s, {b: undefined, e: undefined, y: undefined, x: undefined}, r);
      else steps.set(r.n, r);
    }
    place();
  };
  const end = (s) => s.e ?? now();
  const took = (s) => s.b === undefined ? 0 : end(s) - s.b;
  const waited = (s) => s.q.reduce((sum, q) => sum + (q[1] ?? now()) - q[0], 0);
  const tried = (s) => s.a.length ? s.a[s.a.length - 1].n : 0;

  function dur(ms) {
    if (ms < 1) return "0s";
    if (ms < 1000) return Math.round(ms) + "ms";
    if (ms < 60000) return (ms / 1000).toFixed(1).replace(/\.0$/, "") + "s";
    const s = Math.round(ms / 1000), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h ? h + "h" + (m ? m + "m" : "") : m + "m" + (s % 60 ? s % 60 + "s" : "");
  }

  // ---- which rows are shown

  const opened = new Map(); // what the user has opened or closed
  let only = "all", words = "", sort = "file", shown = [], chosen = null, attempt = 0;
  const isOpen = (s) => opened.get(s.n) ?? (s === root || s.bad || steps.size <= 40);
  const kinds = {
    all: () => true,
    failed: (s) => s.s === "failed" || s.s === "unfinished",
    running: (s) => s.s === "running" || s.s === "waiting",
    retried: (s) => tried(s) > 1,
    slow: (s) => longest.includes(s),
    cancelled: (s) => s.s === "cancelled",
    skipped: (s) => s.s === "skipped",
  };
  const fits = (s) => kinds[only](s) && (!words || (s.p + " " + s.d + " " + s.k + " " + (s.y || "")).toLowerCase().includes(words));

  function list() {
    shown = [];
    if (!root) return;
    const filtered = only !== "all" || words;
    if (sort !== "file") {
      const by = sort === "longest" ? took : waited;
      shown = leaves.filter(fits).sort((a, b) => by(b) - by(a));
      for (const s of shown) s.indent = 0;
      return;
    }
    const found = new Set();
    if (filtered) {
      for (const s of steps.values()) if (fits(s)) for (let x = s; x && !found.has(x); x = x.up) found.add(x);
    }
    const walk = (s) => {
      if (filtered && !found.has(s)) return;
      s.indent = s.depth;
      shown.push(s);
      if (filtered ? opened.get(s.n) !== false : isOpen(s)) s.kids.forEach(walk);
    };
    walk(root);
  }

  // ---- the table: only the rows that are in view are elements

  const table = $("table"), space = make("div"), high = 28;
  space.setAttribute("role", "rowgroup");
  table.append(space);
  const cell = (name, text) => {
    const c = make("span", name, text);
    c.setAttribute("role", "gridcell");
    return c;
  };

  function rows() {
    space.style.height = shown.length * high + "px";
    table.setAttribute("aria-rowcount", shown.length);
    const first = Math.max(0, Math.floor(table.scrollTop / high) - 4);
    const last = Math.min(shown.length, first + Math.ceil((table.clientHeight || 600) / high) + 8);
    const out = [];
    for (let i = first; i < last; i++) {
      const s = shown[i], r = make("div", "row" + (s === chosen ? " on" : ""));
      r.setAttribute("role", "row");
      r.id = "row" + s.n;
      r.style.top = i * high + "px";
      r.dataset.i = i;
      r.setAttribute("aria-rowindex", i + 1);
      r.setAttribute("aria-level", s.indent + 1);
      r.setAttribute("aria-selected", s === chosen);
      const folds = s.kids.length > 0 && sort === "file", open = folds && shown[i + 1]?.up === s;
      if (folds) r.setAttribute("aria-expanded", open);
      const title = cell("mono", "");
      title.style.paddingLeft = Math.min(s.indent, 12) * 16 + "px";
      const twist = make("span", "twist", folds ? (open ? "▾" : "▸") : "");
      twist.setAttribute("aria-hidden", "true");
      title.append(twist, sort === "file" ? s.d : s.p);
      title.title = s.p;
      const state = cell("w s-" + s.s, (glyphs[s.s] || "") + " " + s.s + (s.y ? ": " + s.y : ""));
      state.title = s.y || s.s;
      out.push(r);
      r.append(title, cell("kind wide", s.k), state, cell("num wide", tried(s) > 1 ? tried(s) : ""),
        cell("num", s.b === undefined ? "" : dur(took(s))), cell("num wide", waited(s) >= 1 ? dur(waited(s)) : ""));
    }
    space.replaceChildren(...out);
    const there = chosen && out.some((r) => r.id === "row" + chosen.n);
    if (there) table.setAttribute("aria-activedescendant", "row" + chosen.n);
    else table.removeAttribute("aria-activedescendant");
    $("count").textContent = shown.length === 1 ? "1 row" : shown.length + " rows";
  }

  function reveal(i) {
    const top = i * high, view = table.clientHeight;
    if (top < table.scrollTop) table.scrollTop = top;
    else if (top + high > table.scrollTop + view) table.scrollTop = top + high - view;
  }

  // choose shows a step in the table, the timeline and the detail.
  function choose(s, a) {
    chosen = s;
    attempt = a || 0;
    for (let x = s && s.up; x; x = x.up) if (!isOpen(x)) opened.set(x.n, true);
    list();
    if (s && !shown.includes(s)) {
      only = "all"; words = $("filter").value = ""; sort = $("sort").value = "file";
      chips();
      list();
    }
    rows();
    if (s) reveal(shown.indexOf(s));
    rows();
    detail();
    draw();
    const link = s ? "#step=" + encodeURIComponent(s.p) + (attempt ? "&try=" + attempt : "") : "#";
    if (location.hash !== link) history.replaceState(null, "", link);
  }

  function follow() {
    const q = new URLSearchParams(location.hash.slice(1));
    if (!q.has("step")) return false;
    const all = [...steps.values()].filter((s) => s.p === q.get("step"));
    const s = all.filter((s) => !s.x).pop() || all.pop();
    if (!s) return false;
    choose(s, +q.get("try") || 0);
    return true;
  }

  // ---- the detail

  // log turns what a step has printed into nodes. All but colours was taken out before.
  function log(text) {
    const out = document.createDocumentFragment();
    let color = "", bold = false, under = false, italic = false;
    text.split(/(\x1b\[[\d;:]*m)/).forEach((piece, i) => {
      if (i % 2) {
        const codes = piece.slice(2, -1).split(";");
        for (let j = 0; j < codes.length; j++) {
          const n = +codes[j];
          if (n === 38 || n === 48 || n === 58) j += codes[j + 1] === "5" ? 2 : codes[j + 1] === "2" ? 4 : 0; // others than the 16
          else if (n === 0) color = "", bold = under = italic = false;
          else if (n === 1) bold = true;
          else if (n === 3) italic = true;
          else if (n === 4) under = true;
          else if (n === 22) bold = false;
          else if (n === 23) italic = false;
          else if (n === 24) under = false;
          else if (n >= 31 && n <= 36 || n >= 91 && n <= 96) color = "a" + n % 10;
          else if (n === 90) color = "a7";
          else if (n === 30 || n === 37 || n === 39 || n === 97) color = "";
        }
        return;
      }
      if (!piece) return;
      const name = [color, bold && "ab", under && "au", italic && "ai"].filter(Boolean).join(" ");
      out.append(name ? make("span", name, piece) : piece);
    });
    return out;
  }

  function copier(text) {
    const line = make("p", "command"), code = make("code", "", text), b = make("button", "", "Copy");
    b.dataset.copy = text;
    line.append(code, b);
    return line;
  }

  let held = "";
  function detail() {
    const box = $("detail"), s = chosen;
    box.hidden = !s;
    $("panes").classList.toggle("two", !!s);
    if (!s) return held = "";
    const a = s.a.find((a) => a.n === attempt) || s.a[s.a.length - 1];
    const facts = [];
    const fact = (name, value) => value && facts.push([name, value]);
    fact("kind", s.k);
    fact("name", s.name);
    fact("place", s.l);
    fact("why", s.y);
    fact("began", s.b === undefined ? "" : "+" + dur(s.b));
    fact("took", s.b === undefined ? "" : dur(took(s)));
    for (const q of s.q.slice(-8)) fact(q[2] ? "waited" : "paused", dur((q[1] ?? now()) - q[0]) + (q[2] ? " for " + q[2] : " before the next attempt"));
    fact("recovered", s.h);
    if (s.c) fact("time", "on the critical path");
    fact("value", s.v);
    for (const line of s.f || []) fact("artifact", line);
    const state = JSON.stringify([s.n, s.s, facts, a && [a.n, a.s, a.y, a.t, a.z], s.a.length]);
    if (state === held) return;
    const old = box.querySelector("pre"), atEnd = old && old.scrollHeight - old.scrollTop - old.clientHeight < 30;
    const had = document.activeElement?.dataset?.try, same = held.startsWith("[" + JSON.stringify(s.n) + ",");
    held = state;
    const head = make("h3", "s-" + s.s);
    head.append(make("span", "w", (glyphs[s.s] || "") + " " + s.s + " "), make("span", "mono", s.p || run.label), s.try ? " " + s.d : "");
    const dl = make("dl");
    for (const [name, value] of facts) dl.append(make("dt", "", name), make("dd", name === "value" ? "mono" : "", value));
    const out = [head, dl];
    if (s.a.length > 1) {
      const bar = make("div", "bar");
      bar.append("attempt");
      for (const x of s.a) {
        const b = make("button", "s-" + x.s, x.n + " " + (glyphs[x.s] || ""));
        b.title = x.s + (x.y ? ": " + x.y : "") + ", " + dur((x.e ?? now()) - x.b);
        b.dataset.try = x.n;
        b.setAttribute("aria-pressed", x === a);
        bar.append(b);
      }
      out.push(bar);
    }
    if (a && a.y && s.a.length > 1) out.push(make("p", "s-" + a.s, a.y));
    if (a && a.t) {
      const pre = make("pre");
      pre.tabIndex = 0;
      pre.setAttribute("aria-label", "output");
      if (a.m) pre.append(make("span", "gap", "… " + a.m + " bytes before that\n"));
      for (const [stream, text] of a.t) {
        const p = make("span", stream === "stderr" ? "err" : "");
        p.append(log(text));
        pre.append(p);
      }
      out.push(pre);
      if (a.t.some((p) => p[0] === "stderr")) out.push(make("p", "meta", "The lines with a mark are stderr."));
    } else if (a && s.works) out.push(make("p", "meta", a.e === undefined && run.live ? "It has printed nothing so far." : a.z ? "Its output is not on this page." : "It has printed nothing."));
    if (a && a.g) {
      if (run.at) {
        const p = make("p", "bar");
        for (const stream of ["stdout", "stderr"]) {
          const link = make("a", "", "all of " + stream);
          link.href = run.at + "log?" + new URLSearchParams({log: a.g, stream});
          p.append(link);
        }
        out.push(p);
      }
      out.push(copier("flowrun logs " + run.id + " " + quote(s.p) + (s.a.length > 1 ? " --attempt " + a.g.replace(/.*\//, "") : "")));
    }
    const link = make("p", "command"), b = make("button", "", "Copy link");
    b.dataset.copy = "";
    link.append(b);
    out.push(link);
    box.replaceChildren(...out);
    const pre = box.querySelector("pre");
    if (pre && (atEnd || !same)) pre.scrollTop = pre.scrollHeight;
    if (had && same) box.querySelector(`[data-try="${had}"]`)?.focus();
  }
  const quote = (text) => /^[\w.,:\/@-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";

  // ---- the timeline: a canvas as high as what is seen of it

  const box = $("lanes"), canvas = make("canvas"), tall = make("div"), axis = $("axis");
  canvas.setAttribute("role", "img");
  box.append(tall);
  tall.append(canvas);
  let mode = "lanes", from = 0, to = 0, bars = [], lanes = [];
  const lane = 18, fit = () => { from = 0; to = 0 };
  const until = () => to || Math.max(now(), 1);

  // pack puts attempts into as few lanes as there were at work at once.
  function pack() {
    const all = [];
    for (const s of leaves) for (const a of s.a) if (a.b !== undefined) all.push([a.b, a.e ?? now(), s, a]);
    all.sort((a, b) => a[0] - b[0]);
    const free = []; // a heap of lanes that are free, by number; used: by their end
    const used = [];
    lanes = [];
    for (const x of all) {
      while (used.length && used[0][0] <= x[0]) push(free, [pop(used)[1], 0]);
      const i = free.length ? pop(free)[0] : lanes.push([]) - 1;
      lanes[i].push(x);
      push(used, [x[1], i]);
    }
  }
  function push(h, x) {
    let i = h.push(x) - 1;
    while (i && h[(i - 1) >> 1][0] > h[i][0]) [h[i], h[(i - 1) >> 1]] = [h[(i - 1) >> 1], h[i]], i = (i - 1) >> 1;
  }
  function pop(h) {
    const top = h[0], x = h.pop();
    if (h.length) {
      h[0] = x;
      for (let i = 0; ;) {
        let k = 2 * i + 1;
        if (k >= h.length) break;
        if (k + 1 < h.length && h[k + 1][0] < h[k][0]) k++;
        if (h[k][0] >= h[i][0]) break;
        [h[i], h[k]] = [h[k], h[i]];
        i = k;
      }
    }
    return top;
  }

  function pen(c, w, h) {
    const scale = devicePixelRatio || 1;
    if (c.width !== Math.round(w * scale) || c.height !== Math.round(h * scale)) {
      c.width = Math.round(w * scale); c.height = Math.round(h * scale);
      c.style.width = w + "px"; c.style.height = h + "px";
    }
    const g = c.getContext("2d");
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, w, h);
    g.font = "12px system-ui, sans-serif";
    g.textBaseline = "middle";
    return g;
  }

  const told = (s, a) => (s.a.length > 1 ? "attempt " + a.n + ": " : "") + a.s + (a.y ? ": " + a.y : "") + ", " + dur((a.e ?? now()) - a.b);

  function draw() {
    const w = box.clientWidth;
    if (!w || !root) return;
    const css = getComputedStyle(document.documentElement), color = (name) => css.getPropertyValue("--" + name).trim();
    const left = mode === "steps" ? Math.min(260, w * 0.35) : 0, wide = w - left - 8;
    const a = from, b = until(), x = (t) => left + (t - a) / (b - a) * wide;
    const n = mode === "steps" ? shown.length : Math.max(lanes.length, 1);
    const h = Math.max(60, Math.min(n * lane + 4, 420));
    box.style.height = h + "px";
    tall.style.height = n * lane + 4 + "px";
    const g = pen(canvas, w, h), top = box.scrollTop;
    canvas.setAttribute("aria-label", "Timeline of " + leaves.length + " steps. The table below has the same as text.");

    // The axis, with how many work and how many wait.
    const ax = pen(axis, w, 54), marks = ticks(a, b, wide);
    ax.fillStyle = color("muted"); ax.strokeStyle = color("line");
    for (const t of marks) {
      ax.beginPath(); ax.moveTo(x(t), 18); ax.lineTo(x(t), 54); ax.stroke();
      const text = t ? dur(t) : "0s", at = Math.min(x(t) + 3, w - ax.measureText(text).width - 2);
      ax.fillText(text, at, 9);
    }
    load(ax, x, color, left, w);

    g.strokeStyle = color("line");
    for (const t of marks) { g.beginPath(); g.moveTo(x(t), 0); g.lineTo(x(t), h); g.stroke() }
    bars = [];
    const last = [];
    const bar = (s, t1, t2, y, fill, thin, word, late) => {
      const x1 = Math.max(x(t1), left), x2 = Math.min(x(t2), w);
      if (x2 < left || x1 > w) return;
      const least = fill === "failed" ? 3 : 1, wd = Math.max(x2 - x1, least);
      if (fill === "failed" && !late) return last.push(() => bar(s, t1, t2, y, fill, thin, word, true)); // over all others
      g.fillStyle = color(fill);
      const pad = thin ? 7 : 2;
      g.fillRect(x1, y + pad, wd, lane - 2 * pad);
      if (s.c && !thin && fill !== "queue" && fill !== "block") { g.fillStyle = color("ink"); g.fillRect(x1, y + lane - 4, wd, 2) }
      if (s === chosen) { g.strokeStyle = color("ink"); g.lineWidth = 2; g.strokeRect(x1, y + 1, wd, lane - 2); g.lineWidth = 1 }
      bars.push([x1, x1 + wd, y, s, word]);
    };
    const first = Math.floor(top / lane), behind = Math.min(n, first + Math.ceil(h / lane) + 1);
    for (let i = first; i < behind; i++) {
      const y = i * lane - top + 2;
      if (mode === "lanes") {
        for (const [t1, t2, s, at] of lanes[i] || []) {
          bar(s, t1, t2, y, at.s, false, told(s, at));
          const room = Math.min(x(t2), w) - Math.max(x(t1), left) - 8;
          if (room > 24) last.push(() => {
            const text = cut(g, (s.a.length > 1 ? at.n + " " : "") + s.p, room);
            g.fillStyle = color("paper");
            g.fillText(text, Math.max(x(t1), left) + 4, y + lane / 2);
          });
        }
        continue;
      }
      const s = shown[i];
      if (!s.works && s.b !== undefined) bar(s, s.b, end(s), y, "block", false, s.s + ", " + dur(took(s)));
      for (const q of s.q) bar(s, q[0], q[1] ?? now(), y, q[2] ? "queue" : "pause", !q[2], (q[2] ? "waited for " + q[2] : "paused") + ", " + dur((q[1] ?? now()) - q[0]));
      if (s.works) for (const at of s.a) bar(s, at.b, at.e ?? now(), y, at.s, false, told(s, at));
      else if (s.b !== undefined && s.s === "failed") bar(s, end(s), end(s), y, "failed", false, s.s);
    }
    last.forEach((f) => f());
    if (mode === "steps") {
      g.fillStyle = color("paper");
      g.fillRect(0, 0, left, h);
      for (let i = first; i < behind; i++) {
        const s = shown[i], y = i * lane - top + 2;
        if (s === chosen) { g.fillStyle = color("chosen"); g.fillRect(0, y, left, lane) }
        g.fillStyle = color(s.s in glyphs ? s.s : "ink");
        const indent = 4 + Math.min(s.indent, 8) * 10;
        g.fillText(cut(g, (glyphs[s.s] || "") + " " + (s.d || s.p), left - indent - 6), indent, y + lane / 2);
      }
    }
  }

  // levels are how many of some intervals there are at once: [from that time on, so many].
  function levels(spans) {
    const all = [];
    for (const [t1, t2] of spans) if (t2 > t1) all.push([t1, 1], [t2, -1]);
    all.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const out = [];
    let n = 0;
    for (const [t, d] of all) {
      n += d;
      if (out.length && out[out.length - 1][0] === t) out.pop();
      out.push([t, n]);
    }
    return out;
  }
  let working = [], waiting = [];
  function measure() {
    working = levels(leaves.flatMap((s) => s.a.map((a) => [a.b, a.e ?? now()])));
    waiting = levels(leaves.flatMap((s) => s.q.filter((q) => q[2]).map((q) => [q[0], q[1] ?? now()])));
    const peak = (list) => list.reduce((most, l) => Math.max(most, l[1]), 0), n = peak(working), m = peak(waiting);
    $("peak").textContent = n ? "at most " + n + " at work at once" + (m ? ", " + m + " waiting" : "") : "";
  }

  // load draws how many steps were at work, and how many waited, over the time.
  function load(g, x, color, left, w) {
    const width = Math.max(1, Math.floor(w - left - 8));
    const columns = (list) => {
      const most = new Float64Array(width + 1);
      list.forEach(([t, n], i) => {
        const a = Math.max(0, Math.floor(x(t) - left)), b = Math.min(width, Math.floor(x(list[i + 1]?.[0] ?? t) - left));
        for (let px = a; px <= b; px++) most[px] = Math.max(most[px], n);
      });
      return most;
    };
    for (const [c, fill, alpha] of [[columns(waiting), "queue", 1], [columns(working), "running", 0.75]]) {
      const most = c.reduce((m, n) => Math.max(m, n), 1); // many wait where few may work: each has its own scale
      g.fillStyle = color(fill);
      g.globalAlpha = alpha;
      c.forEach((n, i) => n && g.fillRect(left + i, 53 - n / most * 33, 1, n / most * 33));
    }
    g.globalAlpha = 1;
  }

  function cut(g, text, room) {
    if (g.measureText(text).width <= room) return text;
    let n = Math.min(text.length, Math.floor(room / 5));
    while (n > 1 && g.measureText(text.slice(0, n) + "…").width > room) n--;
    return n > 1 ? text.slice(0, n) + "…" : "";
  }

  function ticks(a, b, wide) {
    const least = (b - a) / Math.max(2, wide / 90);
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5].find((s) => s >= least) || least;
    const out = [];
    for (let t = Math.ceil(a / step) * step; t <= b; t += step) out.push(t);
    return out;
  }

  function zoom(by, at = 0.5) {
    const a = from, b = until(), all = Math.max(now(), 1), t = a + (b - a) * at, wide = Math.min(all, Math.max(all / 5000, 1, (b - a) * by));
    from = Math.max(0, Math.min(t - wide * at, all - wide));
    to = wide >= all ? 0 : from + wide;
    draw();
  }
  function pan(by) {
    const all = Math.max(now(), 1), wide = until() - from;
    if (wide >= all) return;
    from = Math.max(0, Math.min(from + by, all - wide));
    to = from + wide;
    draw();
  }

  const under = (e) => {
    const r = canvas.getBoundingClientRect(), px = e.clientX - r.left, py = e.clientY - r.top;
    for (let i = bars.length - 1; i >= 0; i--) {
      const [x1, x2, y] = bars[i];
      if (px >= x1 - 1 && px <= x2 + 1 && py >= y && py < y + lane) return bars[i];
    }
    if (mode === "steps" && shown[Math.floor((py + box.scrollTop - 2) / lane)]) return [0, 0, 0, shown[Math.floor((py + box.scrollTop - 2) / lane)], ""];
  };
  let drag = null;
  box.addEventListener("pointerdown", (e) => { drag = {x: e.clientX, from, moved: false} });
  addEventListener("pointerup", () => setTimeout(() => { drag = null }));
  box.addEventListener("pointermove", (e) => {
    if (drag && e.buttons && Math.abs(e.clientX - drag.x) > 4) {
      drag.moved = true;
      pan(drag.from - (e.clientX - drag.x) / box.clientWidth * (until() - from) - from);
    }
    const hit = under(e), tip = $("tip");
    tip.hidden = !hit;
    if (!hit) return;
    tip.textContent = (hit[3].p || run.label) + (hit[4] ? "\n" + hit[4] : "");
    tip.style.left = Math.min(e.clientX + 12, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = e.clientY + 16 + "px";
  });
  box.addEventListener("pointerleave", () => { $("tip").hidden = true });
  box.addEventListener("click", (e) => {
    const hit = under(e);
    if (hit && !drag?.moved) choose(hit[3]);
  });
  box.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    zoom(e.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, e.offsetX / box.clientWidth)));
  }, {passive: false});
  box.addEventListener("scroll", draw);
  box.addEventListener("keydown", (e) => {
    const d = (until() - from) / 10, act = {ArrowLeft: () => pan(-d), ArrowRight: () => pan(d), "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1.4), 0: () => { fit(); draw() }}[e.key];
    if (act) act(), e.preventDefault();
  });

  // ---- controls

  function render() {
    list();
    if (mode === "lanes") pack();
    measure();
    rows();
    draw();
    $("pulse")?.classList.toggle("pulse", !!run.live);
  }
  function chips() {
    for (const b of document.querySelectorAll("[data-only]")) b.setAttribute("aria-pressed", b.dataset.only === only);
    for (const b of document.querySelectorAll("[data-mode]")) b.setAttribute("aria-pressed", b.dataset.mode === mode);
  }
  document.addEventListener("click", (e) => {
    const b = e.target.closest("button, a");
    if (!b) return;
    if (b.dataset.only) only = b.dataset.only, chips(), table.scrollTop = 0, render();
    if (b.dataset.mode) mode = b.dataset.mode, chips(), box.scrollTop = 0, render();
    if (b.dataset.zoom) b.dataset.zoom === "fit" ? (fit(), draw()) : zoom(+b.dataset.zoom);
    if (b.dataset.fold) for (const s of steps.values()) if (s.kids.length && s !== root) opened.set(s.n, b.dataset.fold === "open");
    if (b.dataset.fold) render();
    if (b.dataset.try) choose(chosen, +b.dataset.try);
    if (b.dataset.copy !== undefined) copy(b);
  });
  async function copy(b) {
    const text = b.dataset.copy || location.href, said = b.textContent;
    try {
      await navigator.clipboard.writeText(text);
      b.textContent = "Copied";
    } catch { // not allowed: the text is left selected
      const code = b.parentElement.querySelector("code");
      if (code) getSelection().selectAllChildren(code);
      b.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { b.textContent = said }, 2000);
  }
  $("filter").addEventListener("input", (e) => { words = e.target.value.trim().toLowerCase(); table.scrollTop = 0; render() });
  $("sort").addEventListener("change", (e) => { sort = e.target.value; table.scrollTop = 0; render() });
  table.addEventListener("scroll", rows);
  table.addEventListener("click", (e) => {
    const s = shown[e.target.closest(".row")?.dataset.i];
    if (!s) return;
    if (e.target.closest(".twist") && s.kids.length) toggle(s);
    else choose(s);
  });
  table.addEventListener("dblclick", (e) => {
    const s = shown[e.target.closest(".row")?.dataset.i];
    if (s && s.kids.length) toggle(s);
  });
  function toggle(s, open) {
    opened.set(s.n, open ?? shown[shown.indexOf(s) + 1]?.up !== s);
    render();
  }
  table.addEventListener("keydown", (e) => {
    const i = shown.indexOf(chosen), go = (n) => choose(shown[Math.max(0, Math.min(shown.length - 1, n))]);
    const open = chosen && shown[i + 1]?.up === chosen, page = Math.max(1, Math.floor(table.clientHeight / high) - 1);
    const act = {
      ArrowDown: () => go(i + 1), ArrowUp: () => go(i < 0 ? 0 : i - 1), Home: () => go(0), End: () => go(shown.length - 1),
      PageDown: () => go(i + page), PageUp: () => go(i - page),
      ArrowRight: () => chosen && (open ? go(i + 1) : chosen.kids.length && toggle(chosen, true)),
      ArrowLeft: () => chosen && (open ? toggle(chosen, false) : chosen.up && choose(chosen.up)),
      Enter: () => chosen && ($("detail").querySelector("pre, button") || $("detail")).focus(),
    }[e.key];
    if (act && !e.ctrlKey && !e.metaKey && !e.altKey) act(), e.preventDefault();
  });
  addEventListener("keydown", (e) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName);
    if (e.key === "/" && !typing) $("filter").focus(), e.preventDefault();
    if (e.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (words || typing) $("filter").value = words = "", render(), table.focus();
      else choose(null), table.focus();
    }
  });
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true }));
  new ResizeObserver(() => { rows(); draw() }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  // ---- a run that is going on

  if (run.at) {
    const ask = $("ask"), cancel = $("cancel"), resume = $("resume");
    cancel.hidden = !run.live;
    resume.hidden = run.live || !run.again;
    const post = async (what) => {
      const r = await fetch(run.at + what, {method: "POST"});
      $("answer").textContent = (await r.text()).trim();
      if (r.ok && what === "resume") setTimeout(() => location.reload(), 1000);
    };
    let what = "";
    for (const b of [cancel, resume]) b.addEventListener("click", () => {
      what = b.id;
      ask.querySelector("p").textContent = b.dataset.ask;
      ask.showModal();
    });
    $("yes").addEventListener("click", () => { ask.close(); post(what) });
    $("no").addEventListener("click", () => ask.close());
  }
  if (run.live && run.at) {
    const source = new EventSource(run.at + "events?since=" + run.seq);
    const gone = "flowrun ui does not answer.";
    source.onerror = () => { $("answer").textContent = gone };
    source.onmessage = (e) => {
      if ($("answer").textContent === gone) $("answer").textContent = "";
      const m = JSON.parse(e.data);
      run.now = m.now;
      add(m.steps || []);
      if (m.head) $("head").innerHTML = m.head;
      clock();
      if (chosen) chosen = steps.get(chosen.n) || chosen;
      render();
      detail();
      if (m.end) source.close(), location.reload();
    };
    const clock = () => { if ($("clock")) $("clock").textContent = dur(now()) };
    setInterval(() => {
      if (document.hidden) return;
      clock();
      render();
      detail();
    }, 500);
  }

  document.documentElement.classList.add("js");
  for (const e of document.querySelectorAll(".live")) e.hidden = false;
  add(run.steps);
  mode = leaves.length <= 60 ? "steps" : "lanes";
  chips();
  render();
  if (!follow()) detail();
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
