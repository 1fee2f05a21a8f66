// Fills the page from the OpenAPI document and sends what is entered; shows the answer as text, never as HTML.
"use strict";
const at = (id) => document.getElementById(id);

async function start() {
  const described = await (await fetch("/openapi.json")).json();
  const posts = Object.entries(described.paths).filter(([, methods]) => methods.post);
  at("path").replaceChildren(...posts.map(([path, { post }]) => new Option(`${post.summary}: ${path}`, path)));
  const show = () => {
    const { post } = described.paths[at("path").value];
    const content = post.requestBody.content;
    at("description").textContent = post.description;
    at("type").replaceChildren(...Object.keys(content).map((type) => new Option(type)));
    const example = Object.values(content)[0].example;
    at("body").value = example ? JSON.stringify(example, null, 2) : "";
  };
  at("path").addEventListener("change", show);
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
