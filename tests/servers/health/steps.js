// Node's HTTP server, which answers in steps: steps.js PORT
const { createServer } = require("http");
const { setTimeout: pause } = require("timers/promises");

const server = createServer(async (request, response) => {
  response.on("close", () => {
    if (!response.writableFinished) console.error("closed before the end of the answer");
  });
  response.writeHead(200).flushHeaders();
  // Without a Content-Length it is sent in chunks.
  for (const step of request.method === "HEAD" ? [] : ["first ", "second ", "third ", "fourth\n"]) {
    await pause(5);
    response.write(step);
  }
  response.end();
});
process.on("SIGTERM", () => process.exit(0));
server.listen(Number(process.argv[2]), "127.0.0.1");
