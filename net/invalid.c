/* SPDX-License-Identifier: MIT */
/* net/invalid.c - the body of a 422 answer. */
#include "net/invalid.h"

void invalid_put(struct buf *out, const struct invalid *what)
{
	struct json_writer w = {.out = out};
	json_w_open(&w, '{');
	json_w_key(&w, "detail");
	json_w_open(&w, '[');
	json_w_open(&w, '{');
	json_w_key(&w, "type");
	json_w_text(&w, what->type);
	json_w_key(&w, "loc");
	json_w_open(&w, '[');
	json_w_text(&w, "body");
	for (size_t i = 0; i < INVALID_PLACE_MAX && what->place[i].p; i++)
		json_w_raw(&w, what->place[i]);
	json_w_close(&w, ']');
	json_w_key(&w, "msg");
	json_w_text(&w, what->message);
	json_w_key(&w, "input");
	json_w_raw(&w, what->input.p ? what->input : STR("null"));
	if (what->context) {
		json_w_key(&w, "ctx");
		json_w_open(&w, '{');
		json_w_key(&w, "error");
		json_w_text(&w, what->context);
		json_w_close(&w, '}');
	}
	json_w_close(&w, '}');
	json_w_close(&w, ']');
	json_w_close(&w, '}');
}
