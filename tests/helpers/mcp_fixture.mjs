// SPDX-License-Identifier: MIT
// Conformance fixture as a stdio MCP server, plain node, no dependencies, written from the scenario descriptions.
// Serves both eras in one process; FIXTURE_ERA=legacy|modern refuses the other one.
import readline from 'node:readline';
import { createHmac, randomBytes } from 'node:crypto';
const ERA = process.env.FIXTURE_ERA ?? 'both', K = 'io.modelcontextprotocol/', V = '2026-07-28', LEG = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
const INFO = { name: 'fixture-stdio', version: '1.0.0' }, KEY = randomBytes(16), sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQAAAAA=';
const out = (o) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...o }) + '\n');
class Rpc extends Error { constructor(code, message, data) { super(message); this.code = code; this.data = data; } }
const text = (t) => ({ content: [{ type: 'text', text: t }] });
const subs = new Set(), listens = new Map(), inflight = new Map(), pending = new Map(); let seq = 0, level = 'debug';
const LV = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];
const obj = (properties = {}, required) => ({ type: 'object', properties, ...(required ? { required } : {}) });
const str = { type: 'string' };
// the id of a request to the client: its key where that is free, so that a bridge to the other era can show it
const ask = (method, params, key = 'fx') => new Promise((res, rej) => { const id = pending.has(key) || key === 'fx' ? `${key}-${++seq}` : key; pending.set(id, { res, rej }); out({ id, method, params }); });
const elicit = (message, properties, required = []) => ({ method: 'elicitation/create', params: { mode: 'form', message, requestedSchema: { type: 'object', properties, required } } });
const said = (r) => r.resultType ? r : text(`Elicitation completed: action=${r.action}, content=${JSON.stringify(r.content ?? {})}`);
const need = (inputRequests, requestState) => ({ resultType: 'input_required', inputRequests, ...(requestState ? { requestState } : {}) });
const seal = (o) => { const d = Buffer.from(JSON.stringify(o)).toString('base64url'); return d + '.' + createHmac('sha256', KEY).update(d).digest('base64url'); };
const open = (s) => { const [d, m] = String(s).split('.'); if (!m || createHmac('sha256', KEY).update(d).digest('base64url') !== m) throw new Rpc(-32602, 'requestState failed verification'); return JSON.parse(Buffer.from(d, 'base64url')); };
const sample = (t, n = 100) => ({ method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: t } }], maxTokens: n } });
const roots = { method: 'roots/list', params: {} }, nameForm = (m = 'What is your name?') => elicit(m, { name: str }, ['name']);
const acc = (c, k, f) => { const r = c.in?.[k]; return r && r.action === 'accept' && typeof r.content?.[f] === 'string' ? r.content[f] : undefined; };
async function chatty(c, name) { for (const s of ['started', 'processing', 'finished']) { c.log('info', `${name} ${s}`); await sleep(50); } return text('logged'); }
const oneOf = (...n) => n.map((t, i) => ({ const: 'value' + (i + 1), title: t }));
const NODES = {
  $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: str, city: str } } },
  properties: { name: str, address: { $ref: '#/$defs/address' }, contactMethod: { type: 'string', enum: ['phone', 'email'] }, phone: str, email: str },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] }, then: { required: ['phone'] }, else: { required: ['email'] }, additionalProperties: false,
};
const T = {
  test_simple_text: ['plain text', obj(), () => text('This is a simple text response for testing.')],
  test_image_content: ['image', obj(), () => ({ content: [{ type: 'image', data: PNG, mimeType: 'image/png' }] })],
  test_audio_content: ['audio', obj(), () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] })],
  test_embedded_resource: ['embedded resource', obj(), () => ({ content: [{ type: 'resource', resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' } }] })],
  test_multiple_content_types: ['text, image and resource', obj(), () => ({ content: [{ type: 'text', text: 'Multiple content types test:' }, { type: 'image', data: PNG, mimeType: 'image/png' }, { type: 'resource', resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}' } }] })],
  test_tool_with_logging: ['three log lines', obj(), (c) => chatty(c, 'tool')],
  test_logging_tool: ['three log lines', obj(), (c) => chatty(c, 'tool')],
  test_tool_with_progress: ['progress 0/50/100', obj(), async (c) => { for (const p of [0, 50, 100]) { c.progress(p, 100); await sleep(50); } return text('done'); }],
  test_error_handling: ['always fails', obj(), () => ({ ...text('This tool intentionally returns an error for testing'), isError: true })],
  test_reconnection: ['slow answer', obj(), async () => { await sleep(300); return text('Reconnection test completed'); }],
  test_sampling: ['asks the client model', obj({ prompt: str }, ['prompt']), async (c, a) => { const r = await c.ask('sampling/createMessage', sample(a.prompt).params); return r.resultType ? r : text('LLM response: ' + r.content?.text); }],
  test_elicitation: ['asks the user', obj({ message: str }, ['message']), async (c, a) => { const r = await c.elicit(a.message, { username: { ...str, description: "User's response" }, email: { ...str, description: "User's email address" } }, ['username', 'email']); return r.resultType ? r : text(`User response: action=${r.action}, content=${JSON.stringify(r.content ?? {})}`); }],
  test_elicitation_sep1034_defaults: ['defaults', obj(), async (c) => { return said(await c.elicit('Review the defaults', { name: { ...str, default: 'John Doe' }, age: { type: 'integer', default: 30 }, score: { type: 'number', default: 95.5 }, status: { ...str, enum: ['active', 'inactive', 'pending'], default: 'active' }, verified: { type: 'boolean', default: true } })); }],
  test_elicitation_sep1330_enums: ['enum variants', obj(), async (c) => {
    const e = ['option1', 'option2', 'option3'];
    return said(await c.elicit('Choose', { untitledSingle: { ...str, enum: e }, titledSingle: { ...str, oneOf: oneOf('First Option', 'Second Option', 'Third Option') }, legacyEnum: { ...str, enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] }, untitledMulti: { type: 'array', items: { ...str, enum: e } }, titledMulti: { type: 'array', items: { anyOf: oneOf('First Choice', 'Second Choice', 'Third Choice') } } }));
  }],
  json_schema_2020_12_tool: ['JSON Schema 2020-12 keywords', NODES, (c, a) => text(JSON.stringify(a))],
  test_x_mcp_header: ['mirrors region into Mcp-Param-Region', obj({ region: { ...str, 'x-mcp-header': 'Region' } }), (c, a) => text('region=' + a.region)],
  test_missing_capability: ['needs sampling', obj(), async (c) => { if (c.modern && !c.caps.sampling) throw new Rpc(-32021, 'Missing required client capability', { requiredCapabilities: { sampling: {} } }); if (!c.modern) await ask('sampling/createMessage', sample('hi').params); return text('ok'); }],
  test_streaming_elicitation: ['asks the user', obj(), (c) => (acc(c, 'stream_name', 'name') ? text('ok') : need({ stream_name: nameForm() }))],
  test_input_required_result_elicitation: ['one elicitation', obj(), (c) => { const n = acc(c, 'user_name', 'name'); return n === undefined ? need({ user_name: nameForm() }) : text(`Hello, ${n}!`); }],
  test_input_required_result_sampling: ['one sampling', obj(), (c) => { const t = c.in?.capital_question?.content?.text; return t === undefined ? need({ capital_question: sample('What is the capital of France?') }) : text(t); }],
  test_input_required_result_list_roots: ['one roots/list', obj(), (c) => { const r = c.in?.client_roots?.roots; return Array.isArray(r) ? text('roots: ' + r.map((x) => x.uri).join(' ')) : need({ client_roots: roots }); }],
  test_input_required_result_request_state: ['requestState round trip', obj(), (c) => { if (!c.in || !c.state) return need({ confirm: elicit('Please confirm', { ok: { type: 'boolean' } }, ['ok']) }, seal({ s: 1 })); open(c.state); return text('state-ok'); }],
  test_input_required_result_multiple_inputs: ['three inputs', obj(), (c) => { if (!c.in?.user_name || !c.in?.greeting || !c.in?.client_roots || !c.state) return need({ user_name: nameForm(), greeting: sample('Generate a greeting', 50), client_roots: roots }, seal({ m: 1 })); open(c.state); return text('all inputs received'); }],
  test_input_required_result_multi_round: ['two rounds', obj(), (c) => {
    const st = c.state ? open(c.state) : undefined, name = st?.name ?? acc(c, 'step1', 'name'), color = acc(c, 'step2', 'color');
    if (!st || name === undefined) return need({ step1: nameForm('Step 1: What is your name?') }, seal({ round: 1 }));
    if (color === undefined) return need({ step2: elicit('Step 2: What is your favorite color?', { color: str }, ['color']) }, seal({ round: 2, name }));
    return text(`${name} likes ${color}`);
  }],
  test_input_required_result_tampered_state: ['protected state', obj(), (c) => { if (!c.state) return need({ confirm: elicit('Please confirm', { ok: { type: 'boolean' } }, ['ok']) }, seal({ t: 1 })); open(c.state); return text('state-ok'); }],
  test_input_required_result_capabilities: ['only declared capabilities', obj(), (c) => { const q = {}; if (c.caps.sampling) q.s = sample('hi'); if (c.caps.elicitation) q.e = nameForm(); if (c.caps.roots) q.r = roots; return c.in || !Object.keys(q).length ? text('ok') : need(q); }],
  test_trigger_tool_change: ['announces a tool change', obj(), () => { changed('tools'); return text('ok'); }],
  test_trigger_prompt_change: ['announces a prompt change', obj(), () => { changed('prompts'); return text('ok'); }],
};
// --- tasks: tools that are answered by one, where the client takes that
const TASKS = K + 'tasks', tasks = new Map(), OPEN = ['working', 'input_required'];
const lacks = () => new Rpc(-32021, 'Missing required client capability', { requiredCapabilities: { extensions: { [TASKS]: {} } } });
const head = (t) => ({ taskId: t.id, status: t.status, createdAt: t.created, lastUpdatedAt: t.updated, ttlMs: 600000, pollIntervalMs: 100 });
const detail = (t) => ({ ...head(t), ...(t.status === 'completed' ? { result: t.result } : t.status === 'failed' ? { error: t.error } : t.status === 'input_required' ? { inputRequests: t.asked } : {}) });
const taskOf = (p) => tasks.get(p.taskId) ?? (() => { throw new Rpc(-32602, `Unknown task: ${p.taskId}`); })();
function turn(t, status, more) { if (OPEN.includes(t.status)) Object.assign(t, more, { status, updated: new Date().toISOString() }); }
function runTask(work) {
  const now = new Date().toISOString(), t = { id: randomBytes(16).toString('hex'), status: 'working', created: now, updated: now, answers: {} };
  t.input = (asked) => new Promise((go) => { t.go = go; turn(t, 'input_required', { asked }); });
  tasks.set(t.id, t);
  work(t).then((result) => turn(t, 'completed', { result }), (e) => turn(t, 'failed', { error: { code: e.code ?? -32603, message: e.message } }));
  return { resultType: 'task', ...head(t) };
}
function update(t, given = {}) {
  for (const k of Object.keys(given)) if (t.asked?.[k]) { t.answers[k] = given[k]; const { [k]: _, ...rest } = t.asked; t.asked = rest; }
  if (t.status === 'input_required' && !Object.keys(t.asked).length) { turn(t, 'working'); t.go(); }
}
// only: a tool that cannot do without a task
const slow = (work, only) => (c, a) => (c.caps.extensions?.[TASKS] ? runTask((t) => work(a, t)) : c.modern && only ? (() => { throw lacks(); })() : work(a, { input: async () => {}, answers: {} }));
const ok = (m) => elicit(m, { confirm: { type: 'boolean' } }, ['confirm']);
Object.assign(T, {
  greet: ['greets', obj({ name: str }, ['name']), (c, a) => text(`Hello, ${a.name}!`)],
  slow_compute: ['takes its time', obj({ seconds: { type: 'number' }, label: str }), slow(async (a) => { await sleep(1000 * (a.seconds ?? 0)); return text(`computed ${a.label ?? ''}`); })],
  failing_job: ['fails after a while', obj(), slow(async () => { await sleep(500); return { ...text('the job failed'), isError: true }; }, true)],
  protocol_error_job: ['breaks', obj(), slow(async () => { await sleep(100); throw new Rpc(-32603, 'the job broke'); })],
  confirm_delete: ['asks before it deletes', obj({ filename: str }), slow(async (a, t) => { await t.input({ confirm: ok(`Delete ${a.filename}?`) }); return text(`confirmed: ${t.answers.confirm?.content?.confirm}`); })],
  multi_input: ['asks two things at once', obj(), slow(async (a, t) => { await t.input({ first: ok('First?'), second: ok('Second?') }); return text('both answered'); })],
  test_tool_with_task: ['asks, then works', obj(), (c, a) => { if (c.modern && !c.caps.extensions?.[TASKS]) throw lacks(); const n = acc(c, 'user_name', 'name'); return n === undefined ? need({ user_name: nameForm() }) : slow(async () => text(`Hello, ${n}!`))(c, a); }],
});
function changed(kind) {
  // a list that says that it changed, and did not, is no news
  if (kind === 'tools') T.test_added ? delete T.test_added : (T.test_added = ['comes and goes', obj(), () => text('here')]);
  if (kind === 'prompts') P.test_added ? delete P.test_added : (P.test_added = ['comes and goes', [], () => [msg({ type: 'text', text: 'here' })]]);
  for (const [id, f] of listens) if (f[kind + 'ListChanged']) out({ method: `notifications/${kind}/list_changed`, params: { _meta: { [K + 'subscriptionId']: id } } });
  if (legacyOpen) out({ method: `notifications/${kind}/list_changed` });
}
const msg = (content) => ({ role: 'user', content });
const P = {
  test_simple_prompt: ['simple prompt', [], () => [msg({ type: 'text', text: 'This is a simple prompt for testing.' })]],
  test_prompt_with_arguments: ['prompt with arguments', ['arg1', 'arg2'], (a) => [msg({ type: 'text', text: `Prompt with arguments: arg1='${a.arg1}', arg2='${a.arg2}'` })]],
  test_prompt_with_embedded_resource: ['prompt with a resource', ['resourceUri'], (a) => [msg({ type: 'resource', resource: { uri: a.resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } }), msg({ type: 'text', text: 'Please process the embedded resource above.' })]],
  test_prompt_with_image: ['prompt with an image', [], () => [msg({ type: 'image', data: PNG, mimeType: 'image/png' }), msg({ type: 'text', text: 'Please analyze the image above.' })]],
  test_input_required_result_prompt: ['prompt that asks first', [], null],
};
const R = [
  { uri: 'test://static-text', name: 'static-text', description: 'text', mimeType: 'text/plain' },
  { uri: 'test://static-binary', name: 'static-binary', description: 'binary', mimeType: 'image/png' },
  { uri: 'test://watched-resource', name: 'watched-resource', description: 'watched', mimeType: 'text/plain' },
];
function readRes(uri, modern) {
  if (uri === 'test://static-text') return { uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' };
  if (uri === 'test://watched-resource') return { uri, mimeType: 'text/plain', text: 'watched' };
  if (uri === 'test://static-binary') return { uri, mimeType: 'image/png', blob: PNG };
  const m = /^test:\/\/template\/([^/]+)\/data$/.exec(uri ?? '');
  if (m) return { uri, mimeType: 'application/json', text: JSON.stringify({ id: m[1], templateTest: true, data: `Data for ID: ${m[1]}` }) };
  throw new Rpc(modern ? -32602 : -32002, 'Resource not found', { uri });
}
const caps = (modern) => ({ tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true }, completions: {}, logging: {}, ...(modern ? { extensions: { [TASKS]: {} } } : {}) });
let legacyOpen = false;
// 2025-era calls: turn an input_required result into real server-to-client requests, then run the handler again
async function settle(c, run) {
  let r = await run();
  for (let i = 0; !c.modern && r?.resultType === 'input_required' && i < 4; i++) {
    c.in = { ...c.in }; c.state = r.requestState;
    // all at once; what the client refuses is done without
    await Promise.all(Object.entries(r.inputRequests ?? {}).map(async ([k, q]) => { const p = { ...q.params }; delete p.mode; try { c.in[k] = await ask(q.method, p, k); } catch { /* refused */ } }));
    r = await run();
  }
  return r;
}
async function handle(m) {
  const p = m.params ?? {}, meta = p._meta ?? {}, modern = meta[K + 'protocolVersion'] !== undefined || ['server/discover', 'subscriptions/listen'].includes(m.method);
  if (modern) {
    if (ERA === 'legacy') throw new Rpc(-32601, 'Method not found');
    if (!meta[K + 'protocolVersion'] || !meta[K + 'clientCapabilities']) throw new Rpc(-32602, 'missing required _meta field');
    if (meta[K + 'protocolVersion'] !== V) throw new Rpc(-32022, 'Unsupported protocol version', { supported: [V], requested: meta[K + 'protocolVersion'] });
  } else if (ERA === 'modern') throw new Rpc(-32022, 'Unsupported protocol version', { supported: [V], requested: p.protocolVersion ?? 'none' });
  const want = modern ? meta[K + 'logLevel'] : level;
  const c = {
    modern, caps: modern ? meta[K + 'clientCapabilities'] : { sampling: {}, elicitation: {}, roots: {} }, in: p.inputResponses, state: p.requestState,
    log: (l, data) => { if (want !== undefined && LV.indexOf(l) >= LV.indexOf(want) && inflight.get(m.id)) out({ method: 'notifications/message', params: { level: l, logger: 'fixture', data } }); },
    progress: (progress, total) => { if (meta.progressToken !== undefined && inflight.get(m.id)) out({ method: 'notifications/progress', params: { progressToken: meta.progressToken, progress, total } }); },
    // one question: the answer, or in the modern era the result that asks for it
    ask: async (method, params) => (modern ? p.inputResponses?.answer ?? need({ answer: { method, params } }) : ask(method, params)),
    elicit: (message, properties, required) => { const q = elicit(message, properties, required).params; if (!modern) delete q.mode; return c.ask('elicitation/create', q); },
  };
  if (c.in !== undefined && (typeof c.in !== 'object' || c.in === null || Array.isArray(c.in))) throw new Rpc(-32602, 'inputResponses must be an object');
  const cacheable = (r, scope = 'public') => (modern ? { ...r, ttlMs: 60000, cacheScope: scope } : r);
  switch (m.method) {
    case 'server/discover': return cacheable({ supportedVersions: [V], capabilities: caps(true) });
    case 'tools/list': return cacheable({ tools: Object.entries(T).map(([name, [description, inputSchema]]) => ({ name, description, inputSchema })) });
    case 'tools/call': { const t = T[p.name]; if (!t) throw new Rpc(-32602, `Unknown tool: ${p.name}`); return settle(c, () => t[2](c, p.arguments ?? {})); }
    case 'prompts/list': return cacheable({ prompts: Object.entries(P).map(([name, [description, a]]) => ({ name, description, arguments: a.map((n) => ({ name: n, description: n, required: true })) })) });
    case 'prompts/get': {
      const q = P[p.name]; if (!q) throw new Rpc(-32602, `Unknown prompt: ${p.name}`);
      if (!q[2]) return settle(c, () => { const x = acc(c, 'user_context', 'context'); return x === undefined ? need({ user_context: elicit('What context should the prompt use?', { context: str }, ['context']) }) : { messages: [msg({ type: 'text', text: x })] }; });
      return { messages: q[2](p.arguments ?? {}) };
    }
    case 'resources/list': return cacheable({ resources: R });
    case 'resources/templates/list': return cacheable({ resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', description: 'template', mimeType: 'application/json' }] });
    case 'resources/read': return cacheable({ contents: [readRes(p.uri, modern)] }, 'private');
    case 'completion/complete': return { completion: { values: [], total: 0, hasMore: false } };
  }
  if (modern && ['tasks/get', 'tasks/update', 'tasks/cancel'].includes(m.method)) {
    if (!c.caps.extensions?.[TASKS]) throw lacks();
    const t = taskOf(p);
    if (m.method === 'tasks/get') return detail(t);
    if (m.method === 'tasks/cancel') turn(t, 'cancelled'); else update(t, p.inputResponses);
    return {};
  }
  if (modern && m.method === 'subscriptions/listen') {
    const f = p.notifications ?? {}, ok = {};
    for (const k of ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged']) if (f[k]) ok[k] = true;
    if (f.resourceSubscriptions) ok.resourceSubscriptions = f.resourceSubscriptions;
    listens.set(m.id, ok); out({ method: 'notifications/subscriptions/acknowledged', params: { _meta: { [K + 'subscriptionId']: m.id }, notifications: ok } });
    return undefined;
  }
  if (!modern) switch (m.method) {
    case 'initialize': legacyOpen = true; return { protocolVersion: LEG.includes(p.protocolVersion) ? p.protocolVersion : LEG[3], capabilities: caps(false), serverInfo: INFO };
    case 'ping': return {};
    case 'logging/setLevel': level = p.level; return {};
    case 'resources/subscribe': subs.add(p.uri); return {};
    case 'resources/unsubscribe': subs.delete(p.uri); return {};
  }
  throw new Rpc(-32601, 'Method not found');
}
readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  let m; try { m = JSON.parse(line); } catch { return; }
  if (m.id !== undefined && m.method === undefined) { const w = pending.get(m.id); pending.delete(m.id); if (w) m.error ? w.rej(new Rpc(m.error.code, m.error.message)) : w.res(m.result); return; }
  if (m.method === 'notifications/cancelled') { inflight.set(m.params?.requestId, false); listens.delete(m.params?.requestId); return; }
  if (m.id === undefined) return;
  inflight.set(m.id, true);
  try {
    const r = await handle(m);
    if (r !== undefined && inflight.get(m.id)) { const modern = m.params?._meta?.[K + 'protocolVersion']; out({ id: m.id, result: modern ? { resultType: 'complete', ...r, _meta: { ...r._meta, [K + 'serverInfo']: INFO } } : r }); }
  } catch (e) { if (inflight.get(m.id)) out({ id: m.id, error: { code: e.code ?? -32603, message: e.message, ...(e.data ? { data: e.data } : {}) } }); }
  if (!listens.has(m.id)) inflight.delete(m.id);
}).on('close', () => process.exit(0));
