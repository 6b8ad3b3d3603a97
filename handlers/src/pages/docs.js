
"use strict";

// What is shown of an answer: enough to read, and no endless stream.
const SHOWN_MAX = 64 * 1024;

/** Where the form's fields lead, and what they ask for. */
function requestOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const init = { method: form.dataset.method, headers: {} };
  for (const input of form.querySelectorAll("input")) {
    const { place } = input.dataset;
    if (place === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (place === "query") query.append(input.name, input.value);
    else if (place === "bearer") init.headers[input.name] = `Bearer ${input.value}`;
    else init.headers[input.name] = input.value;
  }
  const body = form.querySelector("textarea");
  if (body) {
    const type = body.dataset.type;
    init.headers["Content-Type"] = type.includes("*") ? "text/plain" : type;
    init.body = body.value;
  }
  return [path + (query.size ? `?${query}` : ""), init];
}

/** The answer's body as it comes, up to a bound. */
async function show(response, pre) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    pre.textContent += value;
    if (pre.textContent.length > SHOWN_MAX) {
      pre.textContent = `${pre.textContent.slice(0, SHOWN_MAX)}\n[cut here]`;
      return reader.cancel();
    }
  }
}

function pretty(pre) {
  try {
    pre.textContent = JSON.stringify(JSON.parse(pre.textContent), null, 2);
  } catch {
    // It is no JSON, and stays as it came.
  }
}

async function send(form) {
  const output = form.querySelector("output");
  const status = document.createElement("p");
  const pre = document.createElement("pre");
  output.replaceChildren(status, pre);
  const begun = performance.now();
  try {
    const [target, init] = requestOf(form);
    const response = await fetch(target, init);
    const took = Math.round(performance.now() - begun);
    const type = response.headers.get("content-type") ?? "no body";
    status.textContent = `${response.status} ${response.statusText}, ${type}, ${took} ms`;
    await show(response, pre);
    if (type.includes("json")) pretty(pre);
  } catch (error) {
    status.textContent = `No answer: ${error.message}`;
  }
}

for (const form of document.querySelectorAll("form")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    await send(form);
    button.disabled = false;
  });
}

/** Opens what the address leads to. */
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", reveal);
reveal();
