/* The status page: takes the daemon's events and keeps tiles, problems, connections and bridges up to
 * date. A cell is touched only when its text becomes another; rows in view are drawn at once, the
 * others some at a time. */
"use strict";

const SAMPLES = 60;
const SAMPLE_MS = 5000;
const FIRST_ROWS = 100;
const ROWS_OUT_OF_VIEW = 25;
const SILENT_MS = 4000;
const COLUMNS = ["inRate", "outRate", "pending", "spooled", "dropped", "p99"];
const LABELS = ["In / s", "Out / s", "Pending", "Spool", "Dropped", "p99 ms"];

const byId = (id) => document.getElementById(id);
const bridges = new Map();
const view = { key: "rank", down: false, find: "", state: "", limit: FIRST_ROWS };
let heard = 0;
let lastUptime = 0;
let sampleAge = 0;
let samples = 0;
let order = [];
let turn = 0;

/* Which rows are in view, or nearly; those that came into it are drawn. */
const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const bridge = bridges.get(target.dataset.name);
    if (!bridge || bridge.row !== target) continue;
    bridge.inView = isIntersecting;
    if (isIntersecting) drawBridge(bridge);
  }
}, { rootMargin: "300px" });

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/* What is known of a bridge, and the row that shows it. */
function addBridge(told) {
  const bridge = { name: told.name, trend: [], sum: 0, inRate: 0, outRate: 0, row: null, inView: false, stale: true };
  bridge.trend = (told.trend || []).slice(-SAMPLES);
  bridges.set(told.name, bridge);
  takeBridge(bridge, told, 0);
}

function takeBridge(bridge, told, ms) {
  const before = bridge.told;
  bridge.told = told;
  bridge.stale = true;
  if (before && ms > 0) {
    bridge.inRate = Math.max(0, told.received - before.received) * 1000 / ms;
    bridge.outRate = Math.max(0, told.delivered - before.delivered) * 1000 / ms;
    bridge.sum += Math.max(0, told.delivered - before.delivered);
  }
  bridge.state = told.enabled ? told.operator || told.trouble || told.state : "disabled";
  bridge.wrong = told.enabled && Boolean(told.trouble) && told.trouble !== "paused";
  bridge.rank = bridge.wrong ? 0 : told.state === "paused" ? 1 : told.enabled ? 2 : 3;
  bridge.pending = told.pending;
  bridge.spooled = told.spooled;
  bridge.disk = told.spool_bytes ? `${size(told.spool_bytes)} on disk` +
    (told.spool_oldest_ms ? `, the oldest ${duration(told.spool_oldest_ms)} old` : "") : "";
  bridge.dropped = told.dropped;
  bridge.p99 = told.p99_ms;
  bridge.ends = `${told.from || ""} → ${told.to || ""}`;
  bridge.error = told.cause || told.last_error || "";
  bridge.words = `${told.name} ${bridge.ends} ${bridge.state} ${bridge.error}`.toLowerCase();
}

function makeRow(bridge) {
  const row = element("tr");
  row.setAttribute("role", "row");
  row.dataset.name = bridge.name;
  sight.observe(row);
  const cells = {};
  cells.name = element("td", "c-name");
  cells.label = element("div", "name", bridge.name);
  cells.ends = element("div", "ends");
  cells.name.append(cells.label, cells.ends);
  const state = element("td", "c-state");
  cells.state = element("span", "pill");
  state.append(cells.state);
  row.append(cells.name, state);
  COLUMNS.forEach((key, index) => {
    cells[key] = element("td", "num");
    cells[key].dataset.label = LABELS[index];
    row.append(cells[key]);
  });
  const trend = element("td", "c-trend");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "trend");
  svg.setAttribute("viewBox", `0 0 ${SAMPLES - 1} 26`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  cells.svg = svg;
  for (const name of ["area", "edge"]) {
    cells[name] = document.createElementNS("http://www.w3.org/2000/svg", "path");
    cells[name].setAttribute("class", name);
    svg.append(cells[name]);
  }
  trend.append(svg);
  cells.error = element("td", "error");
  row.append(trend, cells.error);
  for (const cell of row.children) cell.setAttribute("role", "cell");
  bridge.row = row;
  bridge.cells = cells;
  bridge.shown = {};
}

function drawTrend(bridge) {
  const values = bridge.trend;
  const top = Math.max(0, ...values);
  const points = values.map((value, index) => `${SAMPLES - values.length + index} ${(24.5 - (value / top) * 22).toFixed(1)}`);
  const edge = points.length > 1 && top > 0 ? `M${points.join("L")}` : "";
  bridge.cells.edge.setAttribute("d", edge);
  bridge.cells.area.setAttribute("d", edge ? `${edge}L${SAMPLES - 1} 26L${SAMPLES - values.length} 26Z` : "");
  bridge.cells.svg.parentNode.classList.toggle("flat", edge === "");
  bridge.cells.svg.setAttribute("aria-label", `delivered, at most ${rate(top / (SAMPLE_MS / 1000))} a second`);
}

function drawBridge(bridge) {
  if (!bridge.row) makeRow(bridge);
  bridge.stale = false;
  const { cells, shown } = bridge;
  const put = (key, node, text) => {
    if (shown[key] !== text) {
      shown[key] = text;
      node.textContent = text;
    }
  };
  put("ends", cells.ends, bridge.ends);
  put("state", cells.state, bridge.state);
  put("error", cells.error, bridge.error);
  const mark = `${pillClass(bridge.state)}|${bridge.wrong}`;
  if (shown.mark !== mark) {
    shown.mark = mark;
    cells.state.className = pillClass(bridge.state);
    bridge.row.className = bridge.wrong ? "wrong" : "";
  }
  for (const key of COLUMNS) {
    const value = bridge[key];
    const text = key.endsWith("Rate") ? rate(value) : key === "p99" ? (value ? value.toFixed(1) : "0") : number(value);
    if (shown[key] !== text) {
      put(key, cells[key], text);
      cells[key].className = !value ? "num zero" : key === "dropped" ? "num lost" : "num";
    }
  }
  if (cells.spooled.title !== bridge.disk) cells.spooled.title = bridge.disk;
  if (shown.samples !== samples) {
    shown.samples = samples;
    drawTrend(bridge);
  }
}

function compare(a, b) {
  const one = a[view.key];
  const two = b[view.key];
  const sign = view.down ? -1 : 1;
  if (one < two) return -sign;
  if (one > two) return sign;
  return a.name < b.name ? -1 : 1;
}

function fits(bridge) {
  if (view.state === "wrong" ? !bridge.wrong : view.state && bridge.state !== view.state) return false;
  return view.find === "" || bridge.words.includes(view.find);
}

function drawRows() {
  const fitting = [...bridges.values()].filter(fits).sort(compare);
  const rows = fitting.slice(0, view.limit);
  for (const bridge of rows) {
    if (!bridge.row || (bridge.stale && bridge.inView)) drawBridge(bridge);
  }
  for (let number = 0; number < Math.min(ROWS_OUT_OF_VIEW, rows.length); number++) {
    const bridge = rows[turn++ % rows.length];
    if (bridge.stale) drawBridge(bridge);
  }
  const same = rows.length === order.length && rows.every((bridge, index) => bridge === order[index]);
  if (!same) {
    const body = byId("rows");
    const focused = document.activeElement;
    body.replaceChildren(...rows.map((bridge) => bridge.row));
    if (focused && body.contains(focused)) focused.focus();
    order = rows;
  }
  say(byId("shown"), fitting.length === bridges.size ? `${bridges.size}` : `${fitting.length} of ${bridges.size}`);
  byId("none").hidden = fitting.length > 0;
  byId("more").hidden = fitting.length <= rows.length;
  say(byId("more"), `Show all ${fitting.length}`);
}

function drawTiles() {
  const total = { enabled: 0, running: 0, inRate: 0, outRate: 0, pending: 0, dropped: 0 };
  for (const bridge of bridges.values()) {
    total.enabled += bridge.told.enabled ? 1 : 0;
    total.running += bridge.told.enabled && bridge.told.state === "running" ? 1 : 0;
    total.inRate += bridge.inRate;
    total.outRate += bridge.outRate;
    total.pending += bridge.pending;
    total.dropped += bridge.dropped;
  }
  say(byId("t-running"), `${total.running} / ${total.enabled}`);
  byId("t-running").className = total.running < total.enabled ? "bad" : "";
  say(byId("t-received"), rate(total.inRate));
  say(byId("t-delivered"), rate(total.outRate));
  say(byId("t-pending"), number(total.pending));
  say(byId("t-dropped"), number(total.dropped));
  byId("t-dropped").className = total.dropped > 0 ? "bad" : "";
  document.title = (total.running < total.enabled ? `(${total.enabled - total.running}) ` : "") +
    `${byId("instance").textContent} – chunneld`;
}

/* Redraws a short list only when what it shows has changed. */
function drawList(list, items, make) {
  const text = JSON.stringify(items);
  if (list.dataset.drawn !== text) {
    list.dataset.drawn = text;
    list.replaceChildren(...items.map(make));
  }
}

function drawProblems(problems) {
  const groups = groupProblems(problems);
  byId("problems").hidden = groups.length === 0;
  drawList(byId("problem-list"), groups.slice(0, 12), (group) => {
    const item = element("li");
    const subjects = element("div");
    item.append(subjects);
    for (const { kind, state, names } of group.subjects) {
      const line = element("p", "subject");
      line.append(names.length > 1 ? `${names.length} ${kind.toLowerCase()}s ` : `${kind} `);
      line.append(element("b", "", names.slice(0, 5).join(", ")));
      line.append(names.length > 5 ? ` and ${names.length - 5} more ` : " ", element("span", pillClass(state), state));
      subjects.append(line);
    }
    const words = element("div");
    words.append(element("p", "meaning", group.meaning || group.cause || "The cause is not known."));
    if (group.remedy) words.append(element("p", "remedy", group.remedy));
    if (group.meaning) words.append(element("p", "cause", group.cause));
    item.append(words);
    return item;
  });
}

function drawConnections(connections) {
  const shown = connections.map(({ name, kind, state, since, blocked, reconnects, subscriber_lag_bytes }) => (
    { name, kind, state: blocked ? "blocked" : state, since, reconnects, lag: subscriber_lag_bytes }));
  drawList(byId("connections"), shown, (connection) => {
    const item = element("li");
    const top = element("div", "top");
    const name = element("span");
    name.append(element("b", "", connection.name), " ", element("span", "quiet", connection.kind));
    top.append(name, element("span", pillClass(connection.state), connection.state));
    item.append(top);
    const since = connection.since ? `since ${moment(connection.since)}` : "never connected";
    const again = connection.reconnects ? `, reconnected ${connection.reconnects} ×` : "";
    const lag = connection.lag ? `, ${size(connection.lag)} not read yet` : "";
    item.append(element("p", "quiet", since + again + lag));
    return item;
  });
}

function drawHead(told) {
  say(byId("instance"), told.instance);
  say(byId("about"), `chunneld ${told.version} · up ${duration(told.uptime_ms)} · loop lag ${told.loop_lag_ms.toFixed(1)} ms`);
  drawProblems(told.problems ?? []);
  drawConnections(told.connections);
}

function setLive(good, words) {
  byId("live").className = good ? "pill good" : "pill bad";
  say(byId("live"), words);
  document.body.classList.toggle("gone", !good);
}

function take(text, fresh) {
  const began = performance.now();
  const told = JSON.parse(text);
  const ms = fresh ? 0 : told.uptime_ms - lastUptime;
  heard = Date.now();
  lastUptime = told.uptime_ms;
  if (fresh) {
    bridges.clear();
    order = [];
    sight.disconnect();
    told.bridges.forEach(addBridge);
  } else {
    for (const bridge of bridges.values()) {
      bridge.stale = bridge.stale || bridge.inRate > 0 || bridge.outRate > 0;
      bridge.inRate = bridge.outRate = 0;
    }
    for (const one of told.bridges) takeBridge(bridges.get(one.name), one, ms);
    sampleAge += ms;
    if (sampleAge >= SAMPLE_MS) {
      sampleAge = 0;
      samples++;
      for (const bridge of bridges.values()) {
        bridge.stale = true;
        bridge.trend.push(bridge.sum);
        if (bridge.trend.length > SAMPLES) bridge.trend.shift();
        bridge.sum = 0;
      }
    }
  }
  setLive(true, "live");
  drawHead(told);
  drawTiles();
  drawRows();
  document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
  document.body.dataset.updateMs = (performance.now() - began).toFixed(1);
}

function listen() {
  const events = new EventSource("events");
  events.addEventListener("snapshot", (event) => take(event.data, true));
  events.addEventListener("update", (event) => take(event.data, false));
  events.onerror = () => {
    setLive(false, "daemon gone");
    say(byId("about"), heard ? `no answer since ${new Date(heard).toLocaleTimeString()}; trying again` : "no answer; trying again");
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
  return events;
}

function sortBy(key) {
  const numeric = COLUMNS.includes(key);
  view.down = view.key === key ? !view.down : numeric;
  view.key = key;
  showSort();
  drawRows();
}

function showSort() {
  for (const head of document.querySelectorAll("th[data-key]")) {
    if (head.dataset.key === view.key) head.setAttribute("aria-sort", view.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

function start() {
  for (const head of document.querySelectorAll("th[data-key]")) {
    head.querySelector("button").addEventListener("click", () => sortBy(head.dataset.key));
  }
  byId("find").addEventListener("input", (event) => {
    view.find = event.target.value.trim().toLowerCase();
    drawRows();
  });
  byId("state").addEventListener("change", (event) => {
    view.state = event.target.value;
    drawRows();
  });
  byId("more").addEventListener("click", () => {
    view.limit = Infinity;
    drawRows();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== byId("find")) {
      event.preventDefault();
      byId("find").focus();
    } else if (event.key === "Escape" && document.activeElement === byId("find")) {
      byId("find").value = "";
      view.find = "";
      drawRows();
    }
  });
  setInterval(() => {
    if (heard && Date.now() - heard > SILENT_MS) setLive(false, "daemon silent");
  }, 1000);
  showSort();
  listen();
}

start();
