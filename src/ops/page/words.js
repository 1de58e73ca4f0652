/* Words for what the daemon tells: numbers, times, sizes, states, and problems by their cause. What is
 * done with them is in page.js. */
"use strict";

const GOOD = new Set(["running"]);
const IDLE = new Set(["disabled"]);
const WARN = new Set(["paused", "draining", "drained"]);

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const number = (value) => (value < 100000 ? whole.format(value) : short.format(value));
const rate = (value) => (value > 0 && value < 10 ? value.toFixed(1) : number(value));

function pillClass(state) {
  if (GOOD.has(state) || state === "up") return "pill good";
  if (WARN.has(state) || state === "connecting") return "pill warn";
  return IDLE.has(state) || state === "stopped" ? "pill" : "pill bad";
}

function duration(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/* The time alone where it was today. */
function moment(text) {
  const then = new Date(text);
  const today = then.toDateString() === new Date().toDateString();
  return then.toLocaleString([], today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${step ? (bytes / 1024 ** step).toFixed(1) : bytes} ${units[step]}`;
}

/* What has one cause is told once: a connection that is down, and the bridges that wait for it. */
function groupProblems(problems) {
  const groups = new Map();
  for (const problem of problems) {
    const key = problem.cause || `${problem.connection || ""} ${problem.bridge || ""}`;
    if (!groups.has(key)) groups.set(key, { cause: problem.cause, meaning: problem.meaning, remedy: problem.remedy, subjects: new Map() });
    const { subjects } = groups.get(key);
    const kind = problem.connection ? "Connection" : "Bridge";
    const subject = `${kind} ${problem.state}`;
    if (!subjects.has(subject)) subjects.set(subject, { kind, state: problem.state, names: [] });
    subjects.get(subject).names.push(problem.connection || problem.bridge);
  }
  return [...groups.values()].map((group) => ({ ...group, subjects: [...group.subjects.values()] }));
}
