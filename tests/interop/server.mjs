// A server of the interaction protocol in plain Node.js: https, ws for the control socket, zod for what comes
// in. It shares no code with hookflash; the interoperability tests let hookflash's commands meet it, with
// the peculiarities that servers have.
//
//   node server.mjs --cert server.pem --key server.key [--port 0] [--quirks a,b]
//
// One line `{"ready":true,"port":N}` goes to stdout. Orders are JSON lines on stdin; each is answered by one
// line. The server ends when stdin does.
//
//   {"do":"set","interactionId":ID,"state":S}             also "orgId", "skillGroup" (null: none), "unknown"
//   {"do":"next","interactionId":ID,"refuse":{...}}       the next command of ID; also "lose", "copies", "delayMs"
//   {"do":"push","frame":ANY}                             to every control socket; text is sent as it is
//   {"do":"drop"}                                         every control socket, without a closing handshake
//   {"do":"reset","quirks":[...]}                         forget everything, and have these quirks from now on
//   {"do":"report"}                                       what was received, and how everything stands
//
// Quirks: extra-fields, bare-acks, number-priorities, server-pings, token-without-scope, token-without-expiry,
// upper-case-ids, state-updates, state-updates-in-body, fragments, pretty-json, connection-close, chatter,
// refuse-first-token-use, read-only-scope.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';
import { z } from 'zod';

const QUIRKS = new Set([
  'extra-fields',
  'bare-acks',
  'number-priorities',
  'server-pings',
  'token-without-scope',
  'token-without-expiry',
  'upper-case-ids',
  'state-updates',
  'state-updates-in-body',
  'fragments',
  'pretty-json',
  'connection-close',
  'chatter',
  'refuse-first-token-use',
  'read-only-scope',
]);
const PING_EVERY_MS = 20;
const PONG_WITHIN_MS = 2_000;
const METADATA_PATH = /^\/api\/v2\/interactions\/([0-9a-fA-F-]{36})$/;
const SOCKET_PATH = '/api/v2/interactions';

// Strict: a field that the protocol does not have, or a null, is a finding.
const Command = z.strictObject({
  command: z.literal('send'),
  correlationId: z.uuidv4(),
  body: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('hold'),
      interactionId: z.guid(),
      holdReason: z.enum(['queueing', 'consultation', 'system_issue', 'agent_break']),
      priority: z.number().min(0).max(9),
      holdMusic: z.string().optional(),
      holdPrompt: z.string().optional(),
    }),
    z.strictObject({
      type: z.literal('unhold'),
      interactionId: z.guid(),
      priority: z.number().min(0).max(9),
    }),
  ]),
});

const TokenRequest = z.object({
  grant_type: z.literal('client_credentials'),
  client_id: z.string().min(1),
  client_secret: z.string().min(1),
  scope: z.string().optional(),
});

const { values: options } = parseArgs({
  options: {
    cert: { type: 'string' },
    key: { type: 'string' },
    port: { type: 'string', default: '0' },
    quirks: { type: 'string', default: '' },
  },
});
const quirks = new Set();
const has = (name) => quirks.has(name);

function adopt(names) {
  quirks.clear();
  for (const name of names) {
    if (!QUIRKS.has(name)) throw new Error(`unknown quirk ${name}`);
    quirks.add(name);
  }
}

const tokens = new Map(); // token -> its scopes
const spent = new Set(); // tokens that were refused at their first use
const interactions = new Map(); // id in lower case -> what is true of it
const scripts = new Map(); // id in lower case -> what happens to its next commands
const received = []; // every frame of every control socket, as text
const invalid = []; // why a frame was no command
const counts = { tokens: 0, lookups: 0, sockets: 0, pings: 0, pongs: 0 };

function interaction(id) {
  const key = id.toLowerCase();
  if (!interactions.has(key)) {
    interactions.set(key, {
      id: key,
      state: 'active',
      orgId: 'org-1',
      skillGroup: { id: 'sg-1', name: 'Support' },
      unknown: false,
    });
  }
  return interactions.get(key);
}

const spelled = (id) => (has('upper-case-ids') ? id.toUpperCase() : id);
const write = (value) => JSON.stringify(value, null, has('pretty-json') ? 2 : 0);
const extra = () =>
  has('extra-fields')
    ? { requestId: randomBytes(4).toString('hex'), links: { self: '/', next: null }, tags: [] }
    : {};

// --- requests ------------------------------------------------------------------------------------------

function answer(response, status, body, headers = {}) {
  const closing = has('connection-close') ? { Connection: 'close' } : {};
  response.writeHead(status, { 'Content-Type': 'application/json', ...closing, ...headers });
  response.end(write(body));
}

async function giveToken(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const form = Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()));
  const asked = TokenRequest.safeParse(form);
  if (!asked.success) return answer(response, 400, { error: 'invalid_request' });
  if (asked.data.client_secret === 'wrong') return answer(response, 401, { error: 'invalid_client' });
  counts.tokens += 1;
  const wanted = has('read-only-scope') ? 'interaction:read' : (asked.data.scope ?? '');
  const token = randomBytes(24).toString('base64url');
  tokens.set(token, wanted.split(' '));
  return answer(response, 200, {
    access_token: token,
    token_type: 'bearer',
    ...(has('token-without-expiry') ? {} : { expires_in: 3600 }),
    ...(has('token-without-scope') ? {} : { scope: wanted }),
    ...extra(),
  });
}

/** Why a token is not good: an HTTP status, or null where it is. */
function refusal(token, scope) {
  const scopes = tokens.get(token);
  if (scopes === undefined) return 401;
  if (has('refuse-first-token-use') && spent.size === 0) {
    spent.add(token);
    tokens.delete(token);
    return 401;
  }
  return scopes.includes(scope) ? null : 403;
}

function giveMetadata(request, response, id) {
  counts.lookups += 1;
  const token = request.headers.authorization?.match(/^Bearer (.+)$/)?.[1];
  const refused = refusal(token, 'interaction:read');
  if (refused !== null) return answer(response, refused, { message: 'not allowed' });
  const known = interaction(id);
  if (known.unknown) return answer(response, 404, { message: 'not found' });
  const { orgId, skillGroup, state } = known;
  return answer(response, 200, {
    id: spelled(known.id),
    state,
    routingData: { orgId, ...(skillGroup && { skillGroup }), ...extra() },
    ...(has('number-priorities') ? { priority: 5.5, participants: [{ priority: 0 }] } : {}),
    ...extra(),
  });
}

const server = https.createServer(
  { cert: readFileSync(options.cert), key: readFileSync(options.key) },
  (request, response) => {
    const { pathname } = new URL(request.url, 'https://localhost');
    const id = pathname.match(METADATA_PATH)?.[1];
    if (request.method === 'POST' && pathname === '/oauth/token') {
      giveToken(request, response).catch(() => response.destroy());
    } else if (request.method === 'GET' && id !== undefined) {
      giveMetadata(request, response, id);
    } else {
      answer(response, 404, { message: 'no such place' });
    }
  },
);

// --- control sockets -----------------------------------------------------------------------------------

const sockets = new WebSocketServer({ noServer: true, maxPayload: 1 << 20 });

server.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url, 'https://localhost');
  const refused =
    url.pathname === SOCKET_PATH
      ? refusal(url.searchParams.get('access_token'), 'interaction:control')
      : 404;
  if (refused !== null) {
    socket.end(`HTTP/1.1 ${refused} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    return;
  }
  sockets.handleUpgrade(request, socket, head, serve);
});

function send(peer, value) {
  const text = typeof value === 'string' ? value : write(value);
  if (has('fragments') && text.length > 2) {
    const middle = Math.floor(text.length / 2);
    peer.send(text.slice(0, middle), { fin: false });
    peer.send(text.slice(middle), { fin: true });
  } else {
    peer.send(text);
  }
}

function serve(peer) {
  counts.sockets += 1;
  peer.on('error', () => peer.terminate());
  peer.on('message', (data, isBinary) => take(peer, data.toString(), isBinary));
  if (has('chatter')) send(peer, { type: 'welcome', version: '2.4.1' });
  if (!has('server-pings')) return;
  let heardAt = performance.now();
  const pings = setInterval(() => {
    if (performance.now() - heardAt > PONG_WITHIN_MS) {
      peer.terminate();
      return;
    }
    counts.pings += 1;
    peer.ping('are you there');
  }, PING_EVERY_MS);
  peer.on('pong', () => {
    heardAt = performance.now();
    counts.pongs += 1;
  });
  peer.on('close', () => clearInterval(pings));
}

function take(peer, text, isBinary) {
  received.push(text);
  let message;
  try {
    message = isBinary ? null : JSON.parse(text);
  } catch {
    message = null;
  }
  const parsed = Command.safeParse(message);
  if (!parsed.success) {
    invalid.push(z.prettifyError(parsed.error));
    send(peer, { correlationId: message?.correlationId ?? null, body: { type: 'error', code: 400 } });
    return;
  }
  const { correlationId, body } = parsed.data;
  const known = interaction(body.interactionId);
  const { refuse, lose, copies = 1, delayMs = 0 } = scripts.get(known.id)?.shift() ?? {};
  const ended = known.unknown || known.state === 'closed' || known.state === 'abandoned';
  const reply = (content) => {
    if (lose) return;
    const line = { correlationId: spelled(correlationId), body: content, ...extra() };
    setTimeout(() => {
      if (has('chatter')) {
        send(peer, 'keep-alive');
        send(peer, []);
        peer.send(randomBytes(16));
      }
      for (let copy = 0; copy < copies; copy += 1) send(peer, line);
    }, delayMs);
  };
  if (refuse !== undefined || ended) {
    reply({ type: 'error', ...(refuse ?? { code: 409, message: 'it is over', state: known.state }) });
    return;
  }
  known.state = body.type === 'hold' ? 'held' : 'active';
  tellAll(known);
  const details = has('bare-acks') ? {} : { interactionId: spelled(known.id), state: known.state };
  const priority = has('number-priorities') ? { priority: body.priority + 0.5 } : {};
  reply({ type: body.type, ...details, ...priority, ...extra() });
}

function tellAll({ id, state }) {
  const change = {
    interactionId: spelled(id),
    state,
    ...(state === 'held' ? { heldSince: new Date().toISOString() } : {}),
    ...extra(),
  };
  for (const peer of sockets.clients) {
    if (has('state-updates')) send(peer, { type: 'state_update', ...change });
    if (has('state-updates-in-body')) send(peer, { body: { type: 'state_update', ...change } });
  }
}

// --- orders --------------------------------------------------------------------------------------------

const orders = {
  reset({ quirks: names }) {
    adopt(names);
    orders.drop();
    for (const memory of [tokens, spent, interactions, scripts]) memory.clear();
    received.length = 0;
    invalid.length = 0;
    for (const name of Object.keys(counts)) counts[name] = 0;
  },
  set({ interactionId, do: _, announce = false, ...members }) {
    Object.assign(interaction(interactionId), members);
    if (announce) tellAll(interaction(interactionId));
  },
  next({ interactionId, do: _, ...script }) {
    const key = interactionId.toLowerCase();
    scripts.set(key, [...(scripts.get(key) ?? []), script]);
  },
  push({ frame }) {
    for (const peer of sockets.clients) send(peer, frame);
  },
  drop() {
    for (const peer of sockets.clients) peer.terminate();
  },
  report() {
    const states = Object.fromEntries([...interactions].map(([id, { state }]) => [id, state]));
    return { received, invalid, states, ...counts };
  },
};

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

adopt(options.quirks.split(',').filter(Boolean));
server.listen(Number(options.port), 'localhost', () => say({ ready: true, port: server.address().port }));
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const order = JSON.parse(line);
  say(orders[order.do](order) ?? { done: true });
});
lines.on('close', () => process.exit(0));
