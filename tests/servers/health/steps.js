// Node's HTTP server, which answers in steps: steps.js PORT [CERTIFICATE KEY]
const { readFileSync } = require("fs");
const http = require("http");
const https = require("https");
const { setTimeout: pause } = require("timers/promises");

const answer = async (request, response) => {
  response.on("close", () => {
    if (!response.writableFinished) console.error("closed before the end of the answer");
  });
  response.writeHead(request.url === "/down" ? 503 : 200).flushHeaders();
  // Without a Content-Length it is sent in chunks.
  for (const step of request.method === "HEAD" ? [] : ["first ", "second ", "third ", "fourth\n"]) {
    await pause(5);
    response.write(step);
  }
  response.end();
};
const [port, ...files] = process.argv.slice(2);
const [cert, key] = files.map((file) => readFileSync(file));
const server = cert ? https.createServer({ cert, key }, answer) : http.createServer(answer);
process.on("SIGTERM", () => process.exit(0));
server.listen(Number(port), "127.0.0.1");
