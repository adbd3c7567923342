/* SPDX-License-Identifier: MIT */
/*
 * net/mcp_offer.c - what a client can do for servers.
 *
 * input: untrusted
 */
#include "net/mcp_offer.h"

#include "lib/version.h"
#include "net/mcp_era.h"

static bool has(struct str object, const char *name)
{
	return object.p && json_member(object, name).p;
}

unsigned mcp_offers_read(struct str capabilities)
{
	struct str sampling, elicitation;
	unsigned offers = 0;
	if (!capabilities.p || json_type_of(capabilities) != JSON_OBJECT)
		return 0;
	sampling = json_member(capabilities, "sampling");
	elicitation = json_member(capabilities, "elicitation");
	if (sampling.p)
		offers |= MCP_OFFER_SAMPLING;
	if (has(sampling, "tools"))
		offers |= MCP_OFFER_SAMPLING_TOOLS;
	if (has(elicitation, "url"))
		offers |= MCP_OFFER_ELICIT_URL;
	/* an empty object is the form of 2025-06-18, which had nothing else */
	if (has(elicitation, "form") ||
		(elicitation.p && !(offers & MCP_OFFER_ELICIT_URL)))
		offers |= MCP_OFFER_ELICIT_FORM;
	if (has(capabilities, "roots"))
		offers |= MCP_OFFER_ROOTS;
	return offers;
}

void mcp_offers_put(struct buf *out, unsigned offers)
{
	struct json_writer w = {.out = out};
	json_w_open(&w, '{');
	if (offers & MCP_OFFER_SAMPLING) {
		json_w_key(&w, "sampling");
		json_w_raw(&w, offers & MCP_OFFER_SAMPLING_TOOLS
				       ? STR("{\"tools\":{}}")
				       : STR("{}"));
	}
	if (offers & (MCP_OFFER_ELICIT_FORM | MCP_OFFER_ELICIT_URL)) {
		json_w_key(&w, "elicitation");
		json_w_open(&w, '{');
		if (offers & MCP_OFFER_ELICIT_FORM) {
			json_w_key(&w, "form");
			json_w_raw(&w, STR("{}"));
		}
		if (offers & MCP_OFFER_ELICIT_URL) {
			json_w_key(&w, "url");
			json_w_raw(&w, STR("{}"));
		}
		json_w_close(&w, '}');
	}
	if (offers & MCP_OFFER_ROOTS) {
		json_w_key(&w, "roots");
		json_w_raw(&w, STR("{}"));
	}
	json_w_close(&w, '}');
}

void mcp_offers_put_meta(struct buf *out, unsigned offers, const char *level)
{
	buf_puts(out, "\"" MCP_META "protocolVersion\":\"" MCP_VERSION_MODERN
		      "\",\"" MCP_META "clientCapabilities\":");
	mcp_offers_put(out, offers);
	buf_putf(out,
		",\"" MCP_META "clientInfo\":{\"name\":\"coracle\","
		"\"version\":\"%s\"}",
		coracle_version);
	if (level)
		buf_putf(out, ",\"" MCP_META "logLevel\":\"%s\"", level);
}

unsigned mcp_offers_needed(const struct jsonrpc *m)
{
	struct str mode;
	if (jsonrpc_is(m, "roots/list"))
		return MCP_OFFER_ROOTS;
	if (jsonrpc_is(m, "sampling/createMessage"))
		return has(m->params, "tools") || has(m->params, "toolChoice")
			       ? MCP_OFFER_SAMPLING_TOOLS
			       : MCP_OFFER_SAMPLING;
	if (!jsonrpc_is(m, "elicitation/create"))
		return 0;
	mode = m->params.p ? json_member(m->params, "mode") : m->params;
	return mode.p && json_str_is(mode, STR("url")) ? MCP_OFFER_ELICIT_URL
						       : MCP_OFFER_ELICIT_FORM;
}
