/* SPDX-License-Identifier: MIT */
/* applets/httpd/types.c - media types by extension. */
#include "applets/httpd/httpd.h"

#include <string.h>

#include "lib/size.h"

/* text is UTF-8, as nearly all of it is */
static const struct {
	const char *extension;
	const char *type;
} types[] = {
	{"7z", "application/x-7z-compressed"},
	{"aac", "audio/aac"},
	{"avif", "image/avif"},
	{"bin", "application/octet-stream"},
	{"bmp", "image/bmp"},
	{"bz2", "application/x-bzip2"},
	{"c", "text/plain; charset=utf-8"},
	{"cfg", "text/plain; charset=utf-8"},
	{"conf", "text/plain; charset=utf-8"},
	{"css", "text/css; charset=utf-8"},
	{"csv", "text/csv; charset=utf-8"},
	{"deb", "application/vnd.debian.binary-package"},
	{"diff", "text/plain; charset=utf-8"},
	{"doc", "application/msword"},
	{"docx", "application/vnd.openxmlformats-officedocument"
		 ".wordprocessingml.document"},
	{"eot", "application/vnd.ms-fontobject"},
	{"epub", "application/epub+zip"},
	{"flac", "audio/flac"},
	{"gif", "image/gif"},
	{"gz", "application/gzip"},
	{"h", "text/plain; charset=utf-8"},
	{"htm", "text/html; charset=utf-8"},
	{"html", "text/html; charset=utf-8"},
	{"ico", "image/vnd.microsoft.icon"},
	{"ics", "text/calendar; charset=utf-8"},
	{"jar", "application/java-archive"},
	{"jpeg", "image/jpeg"},
	{"jpg", "image/jpeg"},
	{"js", "text/javascript; charset=utf-8"},
	{"json", "application/json"},
	{"jsonl", "application/jsonl"},
	{"log", "text/plain; charset=utf-8"},
	{"m3u8", "application/vnd.apple.mpegurl"},
	{"m4a", "audio/mp4"},
	{"map", "application/json"},
	{"md", "text/markdown; charset=utf-8"},
	{"mjs", "text/javascript; charset=utf-8"},
	{"mkv", "video/matroska"},
	{"mov", "video/quicktime"},
	{"mp3", "audio/mpeg"},
	{"mp4", "video/mp4"},
	{"mpeg", "video/mpeg"},
	{"oga", "audio/ogg"},
	{"ogg", "audio/ogg"},
	{"ogv", "video/ogg"},
	{"otf", "font/otf"},
	{"pdf", "application/pdf"},
	{"png", "image/png"},
	{"ppt", "application/vnd.ms-powerpoint"},
	{"pptx", "application/vnd.openxmlformats-officedocument"
		 ".presentationml.presentation"},
	{"py", "text/plain; charset=utf-8"},
	{"rar", "application/vnd.rar"},
	{"rpm", "application/x-rpm"},
	{"rst", "text/plain; charset=utf-8"},
	{"rtf", "application/rtf"},
	{"sh", "text/plain; charset=utf-8"},
	{"sqlite", "application/vnd.sqlite3"},
	{"svg", "image/svg+xml"},
	{"tar", "application/x-tar"},
	{"tgz", "application/gzip"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"toml", "application/toml"},
	{"ts", "video/mp2t"},
	{"tsv", "text/tab-separated-values; charset=utf-8"},
	{"ttf", "font/ttf"},
	{"txt", "text/plain; charset=utf-8"},
	{"wasm", "application/wasm"},
	{"wav", "audio/wav"},
	{"webm", "video/webm"},
	{"webmanifest", "application/manifest+json"},
	{"webp", "image/webp"},
	{"woff", "font/woff"},
	{"woff2", "font/woff2"},
	{"xhtml", "application/xhtml+xml"},
	{"xls", "application/vnd.ms-excel"},
	{"xlsx", "application/vnd.openxmlformats-officedocument"
		 ".spreadsheetml.sheet"},
	{"xml", "application/xml"},
	{"xz", "application/x-xz"},
	{"yaml", "application/yaml"},
	{"yml", "application/yaml"},
	{"zip", "application/zip"},
	{"zst", "application/zstd"},
};

static struct str extension_of(struct str name)
{
	for (size_t i = name.n; i-- > 0 && name.p[i] != '/';)
		if (name.p[i] == '.')
			return str_from_index(name, i + 1);
	return STR("");
}

const char *type_of_name(const struct httpd *h, struct str name)
{
	struct str extension = extension_of(name);
	for (size_t i = 0; i < h->types.n; i++) {
		struct str type = str_of(h->types.v[i]);
		struct str own = str_cut(&type, '=');
		if (str_eq_nocase(own, extension))
			return type.p;
	}
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq_nocase(extension, str_of(types[i].extension)))
			return types[i].type;
	return "application/octet-stream";
}
