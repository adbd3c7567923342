/* SPDX-License-Identifier: MIT */
/*
 * net/xml.h - a small strict pull reader of XML, for answers of servers.
 *
 * input: untrusted
 *
 * Elements and text of a whole document in memory; attributes, comments and
 * processing instructions are checked for their form and passed over. Document
 * types are refused, and so are entities but the five of XML and numbers:
 * nothing expands. Reference: XML 1.0, fifth edition.
 */
#ifndef NET_XML_H
#define NET_XML_H

#include "lib/buf.h"

enum { XML_DEPTH_MAX = 32 };

enum xml_event {
	XML_END,   /* the document was whole */
	XML_OPEN,  /* name; depth counts it */
	XML_TEXT,  /* text, not decoded; see xml_text() */
	XML_CLOSE, /* name; depth still counts it */
	XML_ERROR, /* see error; it stays */
};

struct xml {
	struct str name; /* without a namespace prefix */
	struct str text;
	bool literal; /* text is as it is: a CDATA section */
	size_t depth;
	const char *error;

	/* the rest is private */
	struct str rest;
	struct str open[XML_DEPTH_MAX];
	bool closing; /* <a/> was opened and closes next */
	bool closed;  /* depth goes down next */
	bool seen;    /* there was a root */
};

void xml_init(struct xml *x, struct str document);
enum xml_event xml_next(struct xml *x);

/* append the text of the latest XML_TEXT, entities resolved */
void xml_text(const struct xml *x, struct buf *out);

/*
 * Append the text of the element at the path "A/B" from the root, of the first
 * of that path. false: there is none, or the document is not sound.
 */
bool xml_get(struct str document, const char *path, struct buf *out);

/* append text with & < > " and control characters as entities */
void xml_escape(struct buf *out, struct str text);

#endif
