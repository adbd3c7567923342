// SPDX-License-Identifier: MIT
// The official client of the second generation, steered like sdk_client.mjs:
//   node sdk_client_2.mjs NODE_MODULES URL legacy|auto|modern
import { createInterface } from 'node:readline';

const [modules, url, mode] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport } =
  await import(modules + '/@modelcontextprotocol/client/dist/index.mjs');

const client = new Client(
  { name: 'test', version: '2' },
  {
    capabilities: { elicitation: {} },
    versionNegotiation: {
      mode: mode === 'modern' ? { pin: '2026-07-28' } : mode,
    },
  },
);
client.setRequestHandler('elicitation/create', async () => (
  { action: 'accept', content: { name: 'Ann' } }
));

const actions = {
  list: async () => (await client.listTools()).tools,
  call: async (m) => {
    const progress = [];
    const options = m.progress ? { onprogress: (p) => progress.push(p) } : {};
    const params = { name: m.name, arguments: m.arguments };
    return { ...await client.callTool(params, options), progress };
  },
  version: async () => client.getNegotiatedProtocolVersion(),
};

const say = (m) => process.stdout.write(JSON.stringify(m) + '\n');
const transport = new StreamableHTTPClientTransport(new URL(url));
await client.connect(transport);
say({ ok: 'connected' });
for await (const line of createInterface({ input: process.stdin })) {
  const m = JSON.parse(line);
  await actions[m.do](m).then(
    (value) => say({ ok: value ?? null }),
    (error) => say({ error: String(error) }),
  );
}
await client.close();
say({ ok: 'closed' });
process.exit(0);
