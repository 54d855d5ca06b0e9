// The state of a run, asked of Airflow itself with the person's own rights, every few seconds while it is at work.
"use strict";
(() => {
  const section = document.getElementById("run");
  if (!section) return;
  const EVERY_MS = 5000;
  const AT_ONCE = 100;
  const OVER = new Set(["success", "failed"]);
  const PASSED_OVER = new Set(["skipped", "removed", "upstream_failed"]);
  const WORDS = {
    success: "done", failed: "failed", running: "at work", awaiting_input: "needs an answer", deferred: "at work elsewhere",
    up_for_retry: "tries again", queued: "about to start", scheduled: "about to start",
  };
  const run = section.dataset.run;
  const path = `${airflow}/api/v2/dags/${dag}/dagRuns/${encodeURIComponent(run)}`;
  const page = `${airflow}/dags/${dag}/runs/${encodeURIComponent(run)}`;
  const live = section.querySelector("[data-live]");
  const steps = section.querySelector("[data-steps]");

  async function ask(address) {
    const answer = await fetch(address);
    if (answer.status === 404) throw new Error("Airflow does not know this run: it was made on the command line, or removed.");
    if (!answer.ok) throw new Error(await reason(answer));
    return answer.json();
  }

  /** Every task of the run: Airflow gives a hundred at most at one time, and a long reel has more. */
  async function everyTask() {
    const found = [];
    for (;;) {
      const { task_instances: some, total_entries: total } = await ask(`${path}/taskInstances?limit=${AT_ONCE}&offset=${found.length}&order_by=id`);
      found.push(...some);
      if (!some.length || found.length >= total) return found;
    }
  }

  function grouped(tasks) {
    const groups = new Map();
    for (const task of tasks) {
      if (!task.state || PASSED_OVER.has(task.state)) continue;
      if (!groups.has(task.task_id)) groups.set(task.task_id, []);
      groups.get(task.task_id).push(task);
    }
    const began = (group) => Math.min(...group.map((task) => Date.parse(task.start_date ?? "9999-01-01")));
    return [...groups.values()].sort((one, other) => began(one) - began(other));
  }

  function item(group) {
    const { task_id: id, map_index: index } = group[0];
    const done = group.filter((task) => task.state === "success").length;
    const bad = group.find((task) => task.state === "failed" || task.state === "up_for_retry");
    const now = bad ?? group.find((task) => task.state !== "success") ?? group[0];
    const entry = document.createElement("li");
    entry.className = `task-${now.state}`;
    const link = document.createElement("a");
    link.dataset.leave = "";
    link.href = `${page}/tasks/${encodeURIComponent(id)}` + (index >= 0 ? `/mapped${bad ? `/${bad.map_index}` : ""}` : "");
    link.textContent = id.replace(".batch", "").replaceAll("_", " ");
    link.title = "Open in Airflow, with its logs";
    const said = document.createElement("span");
    said.textContent = (WORDS[now.state] ?? now.state) + (index >= 0 ? `, ${done} of ${group.length} batches` : "");
    entry.append(link, " ", said);
    return entry;
  }

  async function look() {
    try {
      const [about, tasks] = await Promise.all([ask(path), everyTask()]);
      steps.replaceChildren(...grouped(tasks).map(item));
      live.textContent = OVER.has(about.state) ? `Ended: ${WORDS[about.state]}.` : "Not ended; this list follows it.";
      if (OVER.has(about.state)) return;
    } catch (error) {
      live.textContent = error.message;
      if (error.message.startsWith("Airflow does not know")) return;
    }
    setTimeout(next, EVERY_MS);
  }
  function next() {
    if (document.hidden) document.addEventListener("visibilitychange", next, { once: true });
    else look();
  }
  look();
})();
