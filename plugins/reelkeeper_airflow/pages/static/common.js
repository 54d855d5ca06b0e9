// What all Reels pages share: leaving Airflow's frame, starting a run, saying what happened.
"use strict";
const { root, airflow, dag } = document.body.dataset;
const framed = window.parent !== window;

/** Say something at the foot of the page, also to people who do not see it. */
function say(text, bad = false) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.toggle("bad", bad);
  said.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => said.classList.remove("shown"), bad ? 12000 : 5000);
}

/** Why an answer is no success, in the server's own words. */
async function reason(answer) {
  try {
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : detail[0].msg;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

/** Go to a page of Airflow. Its frame may not replace the page around it; a link in that page may. */
function leave(address) {
  if (!framed) {
    window.location.assign(address);
    return;
  }
  const link = window.parent.document.createElement("a");
  link.href = address;
  window.parent.document.body.append(link);
  link.click();
  link.remove();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-leave]");
  if (!link || !framed || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  leave(link.href);
});

for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}

const dialog = document.getElementById("start");
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-start]");
  if (!button || !dialog) return;
  const { start: reel, plan } = button.dataset;
  dialog.querySelector("[data-reel]").textContent = reel;
  dialog.querySelector("[data-plan]").hidden = !plan;
  dialog.querySelector("[data-version]").textContent = plan ?? "";
  const form = dialog.querySelector("form");
  form.reset();
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "start") return;
    const conf = { reel_id: reel, review_plan: form.review_plan.checked };
    if (plan && form.use_plan.checked) conf.use_plan_version = Number(plan);
    start(conf, button);
  };
  dialog.showModal();
});

/** Have Airflow start a run, with the person's own rights; Airflow checks them and every value. */
async function start(conf, button) {
  button.disabled = true;
  try {
    const answer = await fetch(`${airflow}/api/v2/dags/${dag}/dagRuns`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ logical_date: null, conf }),
    });
    if (!answer.ok) throw new Error(await reason(answer));
    const { dag_run_id: run } = await answer.json();
    say(`Started ${conf.reel_id}.`);
    leave(`${airflow}/dags/${dag}/runs/${encodeURIComponent(run)}`);
  } catch (error) {
    button.disabled = false;
    say(`Not started. ${error.message}`, true);
  }
}
