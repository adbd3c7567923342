// SPDX-License-Identifier: MIT
// The official SDK client, steered by JSON lines on stdin:
//   node sdk_client.mjs NODE_MODULES URL
// An URL that ends in /sse is one of the transport of 2024-11-05; a JSON array
// in its place is the command of a server over stdio.
// {"do":"list"} {"do":"call","name":..,"arguments":..} {"do":"changes"}
// Each line is answered by one: {"ok":...} or {"error":"..."}.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [modules, url] = process.argv.slice(2);
const load = createRequire(modules + '/');
const sdk = '@modelcontextprotocol/sdk/';
const { Client } = load(sdk + 'client/index.js');
const { StreamableHTTPClientTransport } = load(sdk + 'client/streamableHttp.js');
const { SSEClientTransport } = load(sdk + 'client/sse.js');
const { StdioClientTransport } = load(sdk + 'client/stdio.js');
const types = load(sdk + 'types.js');

let changes = 0;
const client = new Client({ name: 'test', version: '1' });
const makeTransport = () => {
  if (url.startsWith('[')) {
    const [command, ...args] = JSON.parse(url);
    return new StdioClientTransport({ command, args });
  }
  return url.endsWith('/sse')
    ? new SSEClientTransport(new URL(url))
    : new StreamableHTTPClientTransport(new URL(url));
};
const transport = makeTransport();
client.setNotificationHandler(
  types.ToolListChangedNotificationSchema,
  () => { changes++; },
);

const actions = {
  list: async () => (await client.listTools()).tools,
  call: async (m) => {
    const progress = [];
    const options = m.progress ? { onprogress: (p) => progress.push(p) } : {};
    const params = { name: m.name, arguments: m.arguments };
    const result = await client.callTool(params, undefined, options);
    return { ...result, progress };
  },
  changes: async () => changes,
  server: async () => client.getServerVersion(),
  ping: async () => client.ping(),
};

const say = (m) => process.stdout.write(JSON.stringify(m) + '\n');
await client.connect(transport);
say({ ok: 'connected' });
for await (const line of createInterface({ input: process.stdin })) {
  const m = JSON.parse(line);
  await actions[m.do](m).then(
    (value) => say({ ok: value ?? null }),
    (error) => say({ error: String(error) }),
  );
}
await transport.terminateSession?.();
await client.close();
say({ ok: 'closed' });
process.exit(0);
