// Writes the page from /openapi.json: every route with its parameters, shapes and a form to try it.
"use strict";

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  Object.assign(made, attributes || {});
  return made;
}

function resolve(schema, description) {
  if (!schema || !schema.$ref) return schema || {};
  return description.components.schemas[schema.$ref.split("/").pop()] || {};
}

function typeOf(schema, description) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const options = schema.anyOf || schema.oneOf;
  if (options) return options.map((part) => typeOf(part, description)).join(" | ");
  if (schema.type === "array") return typeOf(schema.items, description) + "[]";
  return schema.format || (Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type) || "any";
}

function limits(schema) {
  const parts = (schema.anyOf || [schema]).flatMap((part) => Object.entries(part));
  const shown = { minimum: ">=", maximum: "<=", exclusiveMinimum: ">", exclusiveMaximum: "<", maxLength: "length <=" };
  return parts.filter(([key]) => shown[key]).map(([key, value]) => `${shown[key]} ${value}`).join(", ");
}

function about(schema, description, text) {
  const unit = schema["x-unit"] ? `unit: ${schema["x-unit"]}` : "";
  const range = limits(schema);
  const fallback = schema.default !== undefined && !schema.$ref ? `default: ${JSON.stringify(schema.default)}` : "";
  return [text, unit, range ? `range: ${range}` : "", fallback].filter(Boolean).join(" · ");
}

function fields(schema, description, depth, seen) {
  const found = resolve(schema, description);
  const table = element("table");
  for (const [name, part] of Object.entries(found.properties || {})) {
    const row = element("tr");
    row.append(element("td", name + ((found.required || []).includes(name) ? " *" : "")));
    row.append(element("td", typeOf(part, description)));
    const cell = element("td", about(part, description, part.description));
    const inner = [part, part.items, ...(part.anyOf || []), ...(part.oneOf || [])].find((p) => p && p.$ref);
    if (inner && depth < 4 && !seen.includes(inner.$ref)) {
      const nested = element("details");
      nested.append(element("summary", "fields"), fields(inner, description, depth + 1, seen.concat(inner.$ref)));
      cell.append(nested);
    }
    row.append(cell);
    table.append(row);
  }
  return table;
}

const EXAMPLE = {
  "POST /v1/backtests": { strategy: "surge_stocks", start: "2024-01-02", end: "2024-12-30" },
  "POST /v1/strategies": { id: "my_value", name: "My value", strategy: { buy: { where: "PER < 10 and ROE > 10" } } },
  "POST /v1/compare": { ids: [] },
};

function form(method, path, operation) {
  const box = element("div", null, { className: "form" });
  const inputs = {};
  for (const parameter of operation.parameters) {
    const label = element("label");
    inputs[parameter.name] = element("input", null, { placeholder: parameter.example || "" });
    label.append(element("span", parameter.name), inputs[parameter.name]);
    box.append(label);
  }
  let body = null;
  if (operation.requestBody) {
    body = element("textarea", JSON.stringify(EXAMPLE[`${method} ${path}`] || {}, null, 2));
    box.append(body);
  }
  const button = element("button", "Send");
  const answer = element("pre", "");
  button.addEventListener("click", async () => {
    let address = path;
    const query = new URLSearchParams();
    const headers = {};
    for (const parameter of operation.parameters) {
      const value = inputs[parameter.name].value;
      if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(value));
      else if (value && parameter.in === "query") query.set(parameter.name, value);
      else if (value) headers[parameter.name] = value;
    }
    const key = document.getElementById("key").value;
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body) headers["Content-Type"] = "application/json";
    if ([...query].length) address += `?${query}`;
    answer.textContent = "...";
    try {
      const response = await fetch(address, { method, headers, body: body ? body.value : undefined });
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch (error) { shown = text; }
      answer.textContent = `${response.status} ${response.statusText}\n\n${shown.slice(0, 20000)}`;
    } catch (error) {
      answer.textContent = String(error);
    }
  });
  box.append(button, answer);
  return box;
}

function route(method, path, operation, description) {
  const box = element("details", null, { className: "route" });
  const head = element("summary");
  head.append(element("span", method, { className: `method ${method.toLowerCase()}` }), element("code", path),
    element("span", operation.summary, { className: "says" }));
  const inside = element("div", null, { className: "inside" });
  if (operation.parameters.length) {
    const table = element("table");
    for (const parameter of operation.parameters) {
      const row = element("tr");
      row.append(element("td", parameter.name + (parameter.required ? " *" : "")), element("td", parameter.in),
        element("td", typeOf(parameter.schema, description)),
        element("td", about(parameter.schema, description, parameter.description)));
      table.append(row);
    }
    inside.append(element("h4", "Parameters"), table);
  }
  if (operation.requestBody) {
    inside.append(element("h4", "Body"), fields(operation.requestBody.content["application/json"].schema, description, 0, []));
  }
  inside.append(element("h4", "Responses"));
  for (const [status, answer] of Object.entries(operation.responses)) {
    const kinds = Object.entries(answer.content || {});
    const line = element("p", null, { className: "answer" });
    line.append(element("b", status), element("span", ` ${answer.description} `),
      element("code", kinds.map(([kind]) => kind).join(", ")));
    inside.append(line);
    const shape = (answer.content || {})["application/json"];
    if (shape) {
      const nested = element("details");
      nested.append(element("summary", typeOf(shape.schema, description)), fields(shape.schema, description, 0, []));
      inside.append(nested);
    }
  }
  inside.append(element("h4", "Try it"), form(method, path, operation));
  box.append(head, inside);
  return box;
}

async function main() {
  const description = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = description.info.description;
  const main = document.getElementById("routes");
  const groups = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(route(method.toUpperCase(), path, operation, description));
    }
  }
  main.replaceChildren();
  const places = document.getElementById("places");
  for (const [tag, routes] of groups) {
    places.append(element("a", tag, { href: `#${tag}` }));
    main.append(element("h2", tag, { id: tag }), ...routes);
  }
}

main();
