// Answers GET /. /slow takes two seconds, to show a graceful stop.
const server = require('http').createServer((request, response) => {
    const slow = request.url === '/slow';
    if (slow) console.error('slow request begins');
    setTimeout(() => response.end(`worker ${process.pid}\n`), slow ? 2000 : 0);
});
server.listen(8000);
process.on('SIGTERM', () => server.close());
