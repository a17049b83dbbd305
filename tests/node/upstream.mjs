// A service behind, as Node serves one. Usage: upstream.mjs OPTIONS
//
// OPTIONS is JSON: port (0 for any), protocol (`http`, `https`, `h2c` or `h2`), key and cert (files). Prints one line
// of JSON, {"port"}, and one for each WebSocket that opens or closes. Every request is answered with what was
// received; `/ws` takes WebSockets and sends back what they say. Ends with its standard input.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';

import { WebSocketServer } from 'ws';

const { port = 0, protocol = 'http', key, cert } = JSON.parse(process.argv[2]);
const files = key && { key: readFileSync(key), cert: readFileSync(cert) };

const make = {
  http: (answer) => http.createServer(answer),
  https: (answer) => https.createServer(files, answer),
  h2c: (answer) => http2.createServer(answer),
  h2: (answer) => http2.createSecureServer(files, answer),
};

const say = (line) => console.log(JSON.stringify(line));

const server = make[protocol](async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { method, url, headers, trailers, httpVersion } = request;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, headers, trailers, httpVersion, body, pid: process.pid }));
});

const sockets = new WebSocketServer({ server, path: '/ws' });
sockets.on('connection', (socket, request) => {
  say({ opened: request.headers });
  socket.on('message', (message, binary) => socket.send(message, { binary }));
  socket.on('close', (code) => say({ closed: code }));
  socket.on('error', () => {});
});

server.listen(port, '127.0.0.1', () => say({ port: server.address().port }));
process.stdin.resume().on('end', () => process.exit(0));
