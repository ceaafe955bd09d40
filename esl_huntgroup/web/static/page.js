// What the journal does beside being read: it is live, calls open in place, missed calls are handled in place, and keys.
// Without this script everything but being live works by links and forms.
"use strict";

const journal = document.getElementById("journal");
const byId = (id) => document.getElementById(id);
const data = journal.dataset;
const token = document.querySelector("meta[name=csrf-token]").content;
const isNewest = "newest" in data;
const skew = Date.now() - Number(data.now);
const maximum = Number(data.unhandledMax);
const title = document.title.replace(/^\(\d+\+?\) /, "");
const rowOf = (id) => byId(`call-${id}`);
let unhandled = Number(data.unhandled);

// -- rows -------------------------------------------------------------------------------------------------------------

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// The list of a day; ids of calls begin with the time, so that they sort by it.
function listOf(row) {
  const days = byId("days");
  let day = days.querySelector(`[data-day="${row.dataset.day}"]`);
  if (!day) {
    day = document.createElement("section");
    day.className = "day";
    day.dataset.day = row.dataset.day;
    const heading = document.createElement("h2");
    heading.id = `day-${row.dataset.day}`;
    heading.textContent = row.dataset.heading;
    day.setAttribute("aria-labelledby", heading.id);
    const list = document.createElement("ol");
    list.className = "rows";
    day.append(heading, list);
    const next = [...days.children].find((other) => other.dataset.day < row.dataset.day);
    days.insertBefore(day, next || null);
  }
  return day.querySelector(".rows");
}

function insert(list, row) {
  const next = [...list.children].find((other) => other.dataset.call < row.dataset.call);
  list.insertBefore(row, next || null);
}

function belongs(row) {
  if ("rings" in row.dataset) return true;
  if (!isNewest) return false;
  const oldest = [...document.querySelectorAll("#days .row")].pop();
  return !oldest || !("hasOlder" in data) || row.dataset.call > oldest.dataset.call;
}

function remove(id) {
  const row = rowOf(id);
  if (!row) return;
  const day = row.closest(".day");
  row.remove();
  if (day.id !== "ringing" && !day.querySelector(".row")) day.remove();
  tidy();
}

function unfold(row, more) {
  row.append(more);
  row.querySelector(".open").setAttribute("aria-expanded", "true");
}

async function details(link) {
  const answer = await fetch(`${link.pathname}?part`, { headers: { Accept: "text/html" } });
  return answer.ok ? answer.text() : null;
}

async function renew(id) {
  const html = await details(rowOf(id).querySelector(".open"));
  const more = rowOf(id)?.querySelector(".more");
  if (html !== null && more) more.innerHTML = html;
}

function show(html) {
  const row = parsed(html);
  const old = rowOf(row.dataset.call);
  if (!old && !belongs(row)) return;
  const rings = "rings" in row.dataset;
  const focused = old && old.contains(document.activeElement) ? document.activeElement : null;
  const before = old && old.querySelector(".said").textContent;
  if (old && old.querySelector(".more")) {
    unfold(row, old.querySelector(".more"));
    renew(row.dataset.call);
  }
  const stays = old && "rings" in old.dataset === rings;
  if (stays) {
    old.replaceWith(row);
  } else if (rings || !old || isNewest) {
    remove(row.dataset.call);
    insert(rings ? byId("ringing").querySelector(".rows") : listOf(row), row);
    row.classList.add("is-new");
  } else {
    remove(row.dataset.call);
  }
  if (focused) (row.querySelector(focused.matches("button") ? ".act button" : ".open") || row.querySelector(".open")).focus();
  const said = row.querySelector(".said").textContent;
  if (said !== before) byId("announce").textContent = `${row.querySelector(".who").textContent.trim()}: ${said}`;
  tidy();
}

function tidy() {
  byId("ringing").hidden = !byId("ringing").querySelector(".row");
  byId("empty").hidden = Boolean(journal.querySelector(".row"));
  count();
}

// -- how many are not handled -----------------------------------------------------------------------------------------

const open = new Map();
let recount = 0;

function look() {
  open.clear();
  if (data.journal !== "mine") return;
  for (const row of journal.querySelectorAll(".row")) open.set(row.dataset.call, row.classList.contains("is-unhandled"));
}

function showCount() {
  const text = unhandled >= maximum ? "99+" : String(unhandled);
  document.title = unhandled ? `(${text}) ${title}` : title;
  byId("unhandled").hidden = !unhandled;
  byId("unhandled-count").textContent = text;
}

function counted(id, isOpen) {
  const known = open.has(id) ? open.get(id) : null;
  open.set(id, isOpen === true);
  if (known === (isOpen === true)) return;
  if (known === null && isOpen === null) return;
  if (known === null || unhandled >= maximum) {
    // A call that this page does not show, or more than are counted: only the service knows. Not all pages in one moment.
    clearTimeout(recount);
    recount = setTimeout(async () => {
      const answer = await fetch("/unhandled", { headers: { Accept: "application/json" } });
      if (answer.ok) unhandled = (await answer.json()).unhandled;
      showCount();
    }, 300 + Math.random() * 1500);
    return;
  }
  unhandled += isOpen ? 1 : -1;
  showCount();
}

// -- live -------------------------------------------------------------------------------------------------------------

function told(event) {
  const html = data.journal === "mine" ? event.mine : event.whole;
  if (html && (data.journal === "mine" || String(event.group) === data.group)) show(html);
  counted(event.call, event.unhandled);
}

function setLive(isOn) {
  const live = byId("live");
  live.hidden = false;
  live.dataset.live = isOn ? "on" : "off";
  live.textContent = isOn ? live.dataset.on : live.dataset.off;
}

let refreshing = false;
async function refresh() {
  if (refreshing) return;
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("journal");
    if (!fresh) return location.reload();
    const focused = document.activeElement.closest(".row");
    const unfolded = [...document.querySelectorAll(".row .more")].map((more) => [more.closest(".row").dataset.call, more]);
    for (const id of ["ringing", "days", "empty"]) byId(id).replaceWith(document.adoptNode(fresh.querySelector(`#${id}`)));
    for (const [id, more] of unfolded) if (rowOf(id)) unfold(rowOf(id), more);
    look();
    unhandled = Number(fresh.dataset.unhandled);
    if (focused && rowOf(focused.dataset.call)) rowOf(focused.dataset.call).querySelector(".open").focus();
    showCount();
    tidy();
  } finally {
    refreshing = false;
  }
}

function listen() {
  const source = new EventSource(`/events${data.position ? `?after=${encodeURIComponent(data.position)}` : ""}`);
  source.addEventListener("open", () => setLive(true));
  source.addEventListener("error", () => {
    setLive(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000 + Math.random() * 10000);
  });
  source.addEventListener("call", (event) => told(JSON.parse(event.data)));
  source.addEventListener("gone", (event) => { remove(event.data); counted(event.data, false); });
  source.addEventListener("reload", refresh);
  source.addEventListener("trouble", () => setLive(false));
  source.addEventListener("well", () => setLive(true));
}

function count() {
  for (const since of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - skew - Number(since.dataset.since)) / 1000));
    since.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

// -- opening and handling ---------------------------------------------------------------------------------------------

// While the details are fetched, what happens can put another row in the place of this one.
async function toggle(link) {
  const id = link.closest(".row").dataset.call;
  const shown = rowOf(id).querySelector(".more");
  if (shown) {
    shown.remove();
    link.setAttribute("aria-expanded", "false");
    return;
  }
  const html = await details(link);
  if (html === null) return location.assign(link.href);
  const more = document.createElement("div");
  more.className = "more details";
  more.innerHTML = html;
  const row = rowOf(id);
  if (row && !row.querySelector(".more")) unfold(row, more);
}

journal.addEventListener("click", (event) => {
  const link = event.target.closest(".open");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  toggle(link);
});

journal.addEventListener("submit", async (event) => {
  const form = event.target.closest(".handle");
  if (!form) return;
  event.preventDefault();
  const body = new URLSearchParams({ handled: event.submitter.value });
  const headers = { Accept: "application/json", "X-CSRF-Token": token };
  const answer = await fetch(form.action, { method: "POST", body, headers });
  if (answer.ok) told(await answer.json());
  else location.assign(form.closest(".row").querySelector(".open").href);
});

for (const choice of document.querySelectorAll("#filters select, #filters input[type=checkbox]")) {
  choice.addEventListener("change", () => byId("filters").requestSubmit());
}

// -- keys -------------------------------------------------------------------------------------------------------------

const keysOn = byId("keys-on");
keysOn.checked = localStorage.getItem("keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("keys", keysOn.checked ? "on" : "off"));
byId("show-keys").hidden = false;
byId("show-keys").addEventListener("click", () => byId("keys").showModal());

function go(step) {
  const links = [...journal.querySelectorAll(".row .open")];
  const row = document.activeElement.closest(".row");
  const now = row ? links.indexOf(row.querySelector(".open")) : step > 0 ? -1 : links.length;
  const next = links[Math.min(Math.max(now + step, 0), links.length - 1)];
  if (next) next.focus();
}

const keys = {
  j: () => go(1),
  k: () => go(-1),
  e: () => document.activeElement.closest(".row")?.querySelector(".act button")?.click(),
  "/": () => document.querySelector("#filters [type=search]").focus(),
  "?": () => byId("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const act = keys[event.key];
  if (!act || !keysOn.checked) return;
  event.preventDefault();
  act();
});

look();
count();
setInterval(count, matchMedia("(prefers-reduced-motion: reduce)").matches ? 10000 : 1000);
listen();
