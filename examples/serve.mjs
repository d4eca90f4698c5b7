// Serves an example and access tokens for it, like the server of an application that uses the viewer.
//
//   node examples/serve.mjs FOLDER [--connection connection.json] [--port 3000]
//
// The connection is that of a running `remora up`; without the option, REMORA_ENDPOINT, REMORA_ACCOUNT and REMORA_KEY name
// the service. Pages get the service in place of https://render.example.com and ACCOUNT.

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { extname, join, normalize } from "node:path";
import { parseArgs } from "node:util";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
const SDK = join(import.meta.dirname, "../web/sdk/dist/remora.js");
const ANSWER_MILLISECONDS_MAX = 10_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { connection: { type: "string" }, port: { type: "string", default: "3000" } },
});
const [folder] = positionals;
const service = readConnection();
if (folder === undefined || service === null) {
  console.error("usage: node examples/serve.mjs FOLDER [--connection connection.json] [--port 3000]");
  console.error("without --connection, set REMORA_ENDPOINT, REMORA_ACCOUNT and REMORA_KEY");
  process.exit(2);
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const answer = pathname === "/token" ? token() : file(pathname);
  answer.then(
    ({ type, body }) => response.writeHead(200, { "Content-Type": type, "Cache-Control": "no-store" }).end(body),
    (error) => response.writeHead(error.code === "ENOENT" ? 404 : 502).end(`${error.message}\n`),
  );
});
server.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`open http://localhost:${server.address().port}/`);
});

/**
 * Exchanges the account key, which stays on this server, for an access token of one day. This example gives a token to every
 * visitor; a real application first checks who is signed in.
 */
function token() {
  const address = new URL(`/accounts/${service.account}/token`, service.endpoint);
  const options = {
    headers: { Authorization: `Bearer ${service.account}:${service.key}` },
    ca: service.ca,
    timeout: ANSWER_MILLISECONDS_MAX,
  };
  const send = address.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = send(address, options, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => {
        if (answer.statusCode !== 200) return reject(new Error(`the token service answered with ${answer.statusCode}`));
        resolve({ type: "text/plain", body: JSON.parse(Buffer.concat(parts).toString()).AccessToken });
      });
    });
    asked.on("timeout", () => asked.destroy(new Error("the token service does not answer")));
    asked.on("error", reject);
    asked.end();
  });
}

async function file(pathname) {
  const name = normalize(pathname === "/" ? "/index.html" : pathname);
  const type = TYPES[extname(name)] ?? "application/octet-stream";
  const body = await readFile(name === "/remora.js" ? SDK : join(folder, name));
  if (name === "/remora.js" || ![".html", ".js"].includes(extname(name))) return { type, body };
  const text = body.toString().replaceAll("https://render.example.com", service.endpoint);
  // Bundlers may change the quotation marks.
  return { type, body: text.replace(/(["'`])ACCOUNT\1/g, `$1${service.account}$1`) };
}

function readConnection() {
  if (values.connection !== undefined) {
    const { endpoint, accountId, accountKey, caFile } = JSON.parse(readFileSync(values.connection, "utf8"));
    return { endpoint, account: accountId, key: accountKey, ca: caFile && readFileSync(caFile) };
  }
  const { REMORA_ENDPOINT: endpoint, REMORA_ACCOUNT: account, REMORA_KEY: key } = process.env;
  return endpoint && account && key ? { endpoint, account, key, ca: undefined } : null;
}
