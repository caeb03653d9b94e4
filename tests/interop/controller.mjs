// A hold controller for the interaction protocol in plain Node.js: ws for the control socket, axios for
// the token and the metadata, zod for what comes in. It shares no code with hookflash. The interoperability
// tests drive the simulator with it, and the benchmarks compare hookflash with it.
//
//   node controller.mjs hold ID --host localhost:8443 --ca ca.pem --reason consultation --priority 5
//   node controller.mjs unhold ID --host localhost:8443 --ca ca.pem --priority 5
//   node controller.mjs bench --host localhost:8443 --ca ca.pem --pairs 1000 --concurrency 50
//
// The client's secret is read from HOOKFLASH_CLIENT_SECRET. One JSON line goes to stdout.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import axios from 'axios';
import WebSocket from 'ws';
import { z } from 'zod';

const ACK_TIMEOUT_MS = 5_000;
const TOKEN_TIMEOUT_MS = 5_000;
const TOKEN_ATTEMPTS = 3;
const METADATA_TIMEOUT_MS = 5_000;
const METADATA_ATTEMPTS = 3;
const PING_EVERY_MS = 30_000;
const CONNECT_ATTEMPTS = 5;
const CONSISTENT_WITHIN_MS = 2_000;

const Command = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hold'),
    interactionId: z.guid(),
    holdReason: z.enum(['queueing', 'consultation', 'system_issue', 'agent_break']),
    priority: z.int().min(0).max(9),
    holdMusic: z.string().optional(),
    holdPrompt: z.string().optional(),
  }),
  z.object({
    type: z.literal('unhold'),
    interactionId: z.guid(),
    priority: z.int().min(0).max(9),
  }),
]);

const Acknowledgement = z.object({
  correlationId: z.string(),
  body: z
    .object({
      type: z.string(),
      interactionId: z.string().optional(),
      state: z.string().optional(),
      code: z.union([z.number(), z.string()]).optional(),
      message: z.string().optional(),
      retryAfter: z.number().optional(),
    })
    .optional(),
});

const Token = z.object({
  access_token: z.string(),
  token_type: z.string(),
  expires_in: z.number().optional(),
  scope: z.string().optional(),
});

const Metadata = z.object({
  id: z.string(),
  state: z.string(),
  routingData: z.object({
    orgId: z.string().optional(),
    skillGroup: z.object({ id: z.string().optional(), name: z.string().optional() }).optional(),
  }),
});

class ControllerError extends Error {
  constructor(outcome, exitCode, message, state = null) {
    super(message);
    Object.assign(this, { outcome, exitCode, state });
  }
}

const unavailable = (message) => new ControllerError('unavailable', 3, message);
const ineligible = (message, state) => new ControllerError('ineligible', 1, message, state);

class TokenCache {
  constructor(http, credentials) {
    this.http = http;
    this.form = new URLSearchParams({
      grant_type: 'client_credentials',
      ...credentials,
      scope: 'interaction:control interaction:read',
    });
    this.token = null;
    this.refreshAt = 0;
    this.pending = null;
  }

  async get() {
    if (this.token !== null && Date.now() < this.refreshAt) return this.token;
    this.pending ??= this.#fetch().finally(() => {
      this.pending = null;
    });
    return this.pending;
  }

  invalidate(token) {
    if (this.token === token) this.token = null;
  }

  async #fetch() {
    for (let attempt = 1; ; attempt += 1) {
      let reason;
      let waitMs = 2 ** attempt * 250;
      try {
        const { status, headers, data } = await this.http.post('/oauth/token', this.form, {
          timeout: TOKEN_TIMEOUT_MS,
        });
        if (status === 200) return this.#keep(Token.parse(data));
        if (status === 400 || status === 401) {
          throw unavailable(`the gateway refused the credentials (${status})`);
        }
        reason = `the token endpoint answered ${status}`;
        if (status === 429) waitMs = Number(headers['retry-after'] ?? 5) * 1_000;
      } catch (error) {
        if (!axios.isAxiosError(error)) throw error;
        reason = `the token endpoint could not be reached (${error.code})`;
      }
      if (attempt === TOKEN_ATTEMPTS) throw unavailable(reason);
      await sleep(waitMs);
    }
  }

  #keep({ access_token: token, expires_in: lifetime, scope }) {
    if (scope !== undefined && !scope.split(' ').includes('interaction:control')) {
      throw unavailable('the token lacks the scope interaction:control');
    }
    const margin = lifetime === undefined ? 0 : Math.min(30, lifetime * 0.2);
    this.token = token;
    this.refreshAt = Date.now() + ((lifetime ?? Infinity) - margin) * 1_000;
    return token;
  }
}

class HoldController {
  constructor({ host, ca, clientId, clientSecret, log }) {
    this.host = host;
    this.ca = ca;
    this.http = axios.create({
      baseURL: `https://${host}`,
      httpsAgent: new https.Agent({ keepAlive: true, ca }),
      timeout: METADATA_TIMEOUT_MS,
      headers: { Accept: 'application/json' },
      validateStatus: () => true,
    });
    this.tokens = new TokenCache(this.http, { client_id: clientId, client_secret: clientSecret });
    this.log = log;
    this.pending = new Map();
    this.attempts = 0;
    this.consistent = 0;
    this.socket = null;
    this.closing = false;
    this.opened = null;
  }

  /** Open the control socket, and keep it open from then on. */
  async connect() {
    this.opened ??= this.#open().finally(() => {
      this.opened = null;
    });
    return this.opened;
  }

  async close() {
    this.closing = true;
    if (this.socket !== null && this.socket.readyState !== WebSocket.CLOSED) {
      const closed = once(this.socket, 'close');
      this.socket.close(1000);
      await closed;
    }
    this.http.defaults.httpsAgent.destroy();
    await new Promise((resolve) => this.log.end(resolve));
  }

  hold(interactionId, { reason, priority, music, prompt }) {
    const body = { type: 'hold', interactionId, holdReason: reason, priority };
    if (music !== undefined) body.holdMusic = music;
    if (prompt !== undefined) body.holdPrompt = prompt;
    return this.#command(body);
  }

  unhold(interactionId, { priority }) {
    return this.#command({ type: 'unhold', interactionId, priority });
  }

  async #open() {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#dial();
        return;
      } catch (error) {
        if (error instanceof ControllerError) throw error;
        if (attempt === CONNECT_ATTEMPTS) throw unavailable(`no control socket: ${error.message}`);
        await sleep(2 ** attempt * 1_000);
      }
    }
  }

  async #dial() {
    const token = await this.tokens.get();
    const socket = new WebSocket(
      `wss://${this.host}/api/v2/interactions?access_token=${encodeURIComponent(token)}`,
      { ca: this.ca, perMessageDeflate: false, maxPayload: 1 << 20 },
    );
    socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (request, response) => {
        request.destroy();
        if (response.statusCode === 401) this.tokens.invalidate(token);
        reject(new Error(`the gateway answered ${response.statusCode}`));
      });
    });
    let alive = true;
    const pings = setInterval(() => {
      if (!alive) {
        socket.terminate();
        return;
      }
      alive = false;
      socket.ping();
    }, PING_EVERY_MS);
    socket.on('pong', () => {
      alive = true;
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      clearInterval(pings);
      if (!this.closing) this.connect().catch((error) => console.error(error.message));
      for (const waiting of this.pending.values()) {
        clearTimeout(waiting.timer);
        waiting.reject(new ControllerError('unknown', 4, 'the control socket was lost'));
      }
      this.pending.clear();
    });
    this.socket = socket;
  }

  #received(data, isBinary) {
    if (isBinary) return;
    let message;
    try {
      message = JSON.parse(data.toString());
    } catch {
      return;
    }
    const parsed = Acknowledgement.safeParse(message);
    if (!parsed.success) return;
    const { correlationId, body } = parsed.data;
    const waiting = this.pending.get(correlationId);
    if (waiting === undefined) return; // late, duplicate or not ours
    this.pending.delete(correlationId);
    clearTimeout(waiting.timer);
    if (body?.type === waiting.type) {
      waiting.resolve(body);
    } else {
      const why = [body?.code, body?.message].filter((part) => part !== undefined).join(' ');
      waiting.reject(
        new ControllerError('refused', 1, `the gateway refused: ${why || 'no reason'}`, body?.state),
      );
    }
  }

  async #command(body) {
    const startedAt = performance.now();
    const correlationId = randomUUID();
    const result = {
      status: 'success',
      outcome: 'confirmed',
      latencyMs: 0,
      correlationId,
      interactionId: body.interactionId,
      state: null,
    };
    let failure = null;
    try {
      const checked = Command.safeParse(body);
      if (!checked.success) {
        throw new ControllerError('invalid', 2, z.prettifyError(checked.error).replaceAll('\n', ' '));
      }
      await this.#checkEligibility(body.interactionId);
      if (this.opened !== null) await this.opened;
      const answer = await this.#send(correlationId, checked.data);
      result.state = answer.state ?? (body.type === 'hold' ? 'held' : 'active');
    } catch (error) {
      failure = error instanceof ControllerError ? error : unavailable(error.message);
      result.status = 'failed';
      result.outcome = failure.outcome;
      result.state = failure.state ?? null;
    }
    result.latencyMs = Math.round((performance.now() - startedAt) * 1_000) / 1_000;
    this.#audit(body, result);
    if (failure !== null) throw Object.assign(failure, { result });
    return result;
  }

  async #checkEligibility(interactionId) {
    let refreshed = false;
    for (let attempt = 1; ; attempt += 1) {
      const token = await this.tokens.get();
      const { status, headers, data } = await this.http.get(`/api/v2/interactions/${interactionId}`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      if (status === 200) {
        const { state, routingData } = Metadata.parse(data);
        if (state === 'closed' || state === 'abandoned') throw ineligible(`it is ${state}`, state);
        if (!routingData.skillGroup?.id) throw ineligible('it has no skill group', state);
        return;
      }
      if (status === 404) throw ineligible('the gateway does not know it', null);
      if (status === 403) throw unavailable('insufficient permission: interaction:read is missing');
      if (status === 401 && !refreshed) {
        refreshed = true;
        this.tokens.invalidate(token);
      } else if (status === 429 && attempt < METADATA_ATTEMPTS) {
        await sleep(Number(headers['retry-after'] ?? 2) * 1_000);
      } else {
        throw unavailable(`the metadata endpoint answered ${status}`);
      }
    }
  }

  #send(correlationId, body) {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) {
        reject(unavailable('the control socket is not open'));
        return;
      }
      const timer = setTimeout(() => {
        this.pending.delete(correlationId);
        reject(new ControllerError('unknown', 4, `no acknowledgement within ${ACK_TIMEOUT_MS} ms`));
      }, ACK_TIMEOUT_MS);
      this.pending.set(correlationId, { type: body.type, resolve, reject, timer });
      this.socket.send(JSON.stringify({ command: 'send', correlationId, body }));
    });
  }

  #audit(body, { status, outcome, latencyMs, correlationId, interactionId }) {
    if (outcome !== 'invalid' && outcome !== 'ineligible') {
      this.attempts += 1;
      if (status === 'success' && latencyMs < CONSISTENT_WITHIN_MS) this.consistent += 1;
    }
    const share = this.attempts === 0 ? 1 : this.consistent / this.attempts;
    const consistencyRate = `${(share * 100).toFixed(2)}%`;
    const line = {
      timestamp: new Date().toISOString(),
      interactionId,
      correlationId,
      action: body.type,
      status,
      outcome,
      metadata: {
        reason: body.holdReason,
        priority: body.priority,
        latencyMs: Math.round(latencyMs),
        consistencyRate,
      },
      consistencyRate,
    };
    this.log.write(`${JSON.stringify(line)}\n`);
  }
}

/** Do `pairs` holds, each with its unhold, by `concurrency` workers over `interactions` interactions. */
async function bench(controller, { pairs, concurrency, interactions }) {
  const ids = Array.from({ length: interactions }, () => randomUUID());
  const last = new Array(interactions).fill(null); // the pair under way on each interaction
  const latencies = []; // of the commands that succeeded
  let next = 0;
  let failed = 0;

  const attempt = async (command) => {
    const startedAt = performance.now();
    try {
      await command();
      latencies.push(performance.now() - startedAt);
    } catch (error) {
      failed += 1;
      if (failed <= 3) console.error(error.message);
    }
  };
  const pair = async (id) => {
    await attempt(() => controller.hold(id, { reason: 'consultation', priority: 5 }));
    await attempt(() => controller.unhold(id, { priority: 5 }));
  };
  const worker = async () => {
    while (next < pairs) {
      const index = next % interactions;
      next += 1;
      const before = last[index];
      const mine = before === null ? pair(ids[index]) : before.then(() => pair(ids[index]));
      last[index] = mine;
      await mine;
      if (last[index] === mine) last[index] = null;
    }
  };

  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);

  latencies.sort((a, b) => a - b);
  const round = (value, digits) => Number(value.toFixed(digits));
  const percentile = (share) =>
    latencies.length === 0 ? null : round(latencies[Math.ceil(latencies.length * share) - 1], 3);
  const commands = latencies.length + failed;
  return {
    commands,
    ok: latencies.length,
    failed,
    seconds: round(seconds, 6),
    per_second: round(commands / seconds, 1),
    p50_ms: percentile(0.5),
    p99_ms: percentile(0.99),
    cpu_s: round((user + system) / 1e6, 3),
    rss_mb: round(process.resourceUsage().maxRSS / 1024, 1),
  };
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: 'string' },
      ca: { type: 'string' },
      'client-id': { type: 'string', default: 'node-controller' },
      log: { type: 'string', default: 'audit.log' },
      reason: { type: 'string', default: 'consultation' },
      priority: { type: 'string', default: '5' },
      music: { type: 'string' },
      prompt: { type: 'string' },
      pairs: { type: 'string', default: '1000' },
      concurrency: { type: 'string', default: '50' },
      interactions: { type: 'string' },
    },
  });
  const [command, interactionId] = positionals;
  if (!['hold', 'unhold', 'bench'].includes(command) || !values.host || !values.ca) {
    console.error('usage: node controller.mjs hold|unhold|bench [ID] --host HOST:PORT --ca PEM');
    return 2;
  }
  const controller = new HoldController({
    host: values.host,
    ca: readFileSync(values.ca),
    clientId: values['client-id'],
    clientSecret: process.env.HOOKFLASH_CLIENT_SECRET ?? 'secret',
    log: createWriteStream(values.log, { flags: 'a' }),
  });
  const print = (result) => console.log(JSON.stringify(result));
  try {
    await controller.connect();
    if (command === 'bench') {
      const pairs = Number(values.pairs);
      const result = await bench(controller, {
        pairs,
        concurrency: Number(values.concurrency),
        interactions: Number(values.interactions ?? pairs),
      });
      print(result);
      return result.failed === 0 ? 0 : 1;
    }
    const priority = Number(values.priority);
    const { reason, music, prompt } = values;
    print(
      command === 'hold'
        ? await controller.hold(interactionId, { reason, priority, music, prompt })
        : await controller.unhold(interactionId, { priority }),
    );
    return 0;
  } catch (error) {
    if (error.result) print(error.result);
    console.error(`error: ${error.message}`);
    return error.exitCode ?? 3;
  } finally {
    await controller.close();
  }
}

process.exitCode = await main();
