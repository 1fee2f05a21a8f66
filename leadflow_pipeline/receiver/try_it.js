// Fills the page from the OpenAPI document and sends what is entered; shows the answer as text, never as HTML.
"use strict";
const at = (id) => document.getElementById(id);

async function start() {
  const described = await (await fetch("/openapi.json")).json();
  // Links and callbacks are described too; they are not for a person to send.
  const posts = Object.entries(described.paths).filter(([path, methods]) => methods.post && path.startsWith("/webhooks/"));
  at("path").replaceChildren(...posts.map(([path, { post }]) => new Option(`${post.summary}: ${path}`, path)));
  const chosen = () => described.paths[at("path").value].post;
  const fill = () => {
    const type = at("type").value;
    const { example } = chosen().requestBody.content[type];
    if (typeof example === "string") at("body").value = example;
    else if (type.endsWith("urlencoded")) at("body").value = String(new URLSearchParams(example));
    else at("body").value = JSON.stringify(example, null, 2);
  };
  const show = () => {
    const { description, parameters, requestBody } = chosen();
    at("description").textContent = description;
    at("headers").value = parameters.filter((one) => one.in === "header" && one.required)
      .map((one) => `${one.name}: `).join("\n");
    at("type").replaceChildren(...Object.keys(requestBody.content).map((type) => new Option(type)));
    fill();
  };
  at("path").addEventListener("change", show);
  at("type").addEventListener("change", fill);
  show();
}

async function send(event) {
  event.preventDefault();
  const headers = { "content-type": at("type").value };
  for (const line of at("headers").value.split("\n").filter((text) => text.includes(":"))) {
    const [name, ...rest] = line.split(":");
    headers[name.trim()] = rest.join(":").trim();
  }
  const path = at("path").value.replace("{secret}", encodeURIComponent(at("secret").value));
  try {
    const answer = await fetch(path, { method: "POST", headers, body: at("body").value });
    at("answer").textContent = `${answer.status}\n${await answer.text()}`;
  } catch (error) {
    at("answer").textContent = String(error);
  }
}

document.querySelector("form").addEventListener("submit", send);
start();
