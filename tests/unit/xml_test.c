/* SPDX-License-Identifier: MIT */
/* tests/unit/xml_test.c - the XML reader. */
#include "tests/unit/test.h"

#include "lib/size.h"
#include "net/xml.h"

static void check_get(const char *xml, const char *path, const char *want)
{
	struct buf out;
	buf_init(&out, 1000);
	bool found = xml_get(str_of(xml), path, &out);
	CHECK_EQ(found, want != NULL);
	if (want)
		CHECK_CSTR(buf_cstr(&out), want);
	buf_fini(&out);
}

TEST(xml_get_finds_the_text_at_a_path)
{
	const char *xml = "<?xml version=\"1.0\"?>\n<!-- c --><s:R xmlns:s='u'>"
			  "<A><B x=\"1\">one</B></A><B>two</B><A><B>3</B></A>"
			  "<C/><D>a&lt;&#x41;&#66;<![CDATA[<&>]]></D></s:R>\n";
	check_get(xml, "R/A/B", "one");
	check_get(xml, "R/B", "two");
	check_get(xml, "R/C", "");
	check_get(xml, "R/D", "a<AB<&>");
	check_get(xml, "R/E", NULL);
	check_get(xml, "A/B", NULL);
	check_get(xml, "R/A/B/C", NULL);
}

TEST(xml_that_is_not_sound_is_refused)
{
	static const char *const bad[] = {"", "x", "<a>", "<a></b>", "<a/><b/>",
		"<a>&none;</a>", "<a>&#0;</a>", "<a>&#xd800;</a>",
		"<!DOCTYPE a><a/>", "<a b></a>", "<a b=c></a>", "<a b='<'/>",
		"<a", "<a><!-- </a>", "<a>&amp</a>", "</a>", "<a/>x", "< a/>",
		"<a b='1'c='2'/>", "<a>&#x110000;</a>"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_get(bad[i], "a", NULL);
}

TEST(xml_depth_is_bounded)
{
	char text[XML_DEPTH_MAX * 4 + 8] = "";
	for (int i = 0; i <= XML_DEPTH_MAX; i++)
		memcpy(text + 3 * i, "<a>", 4);
	struct xml x;
	xml_init(&x, str_of(text));
	for (int i = 0; i < XML_DEPTH_MAX; i++)
		CHECK_EQ(xml_next(&x), XML_OPEN);
	CHECK_EQ(xml_next(&x), XML_ERROR);
	CHECK_EQ(xml_next(&x), XML_ERROR);
}

TEST(xml_every_cut_is_refused)
{
	const char *xml = "<a><b c='d'>e&amp;f</b><g/></a>";
	for (size_t n = 0; n < strlen(xml); n++) {
		struct xml x;
		enum xml_event e;
		xml_init(&x, str_from(xml, n));
		while ((e = xml_next(&x)) != XML_ERROR)
			CHECK(e != XML_END);
	}
}
