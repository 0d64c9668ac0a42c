// SPDX-License-Identifier: Apache-2.0
#include "base/escape.h"

size_t utf8_length(const uint8_t *p, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;
	size_t n;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	n = p[0] >= 0xf8 ? 0 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
	if (n == 0 || n > len)
		return 0;
	c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

bool utf8_is_valid(struct bytes text)
{
	for (size_t i = 0, n; i < text.len; i += n) {
		n = utf8_length(text.data + i, text.len - i);
		if (n == 0)
			return false;
	}
	return true;
}

static uint32_t code_point(const uint8_t *p, size_t n)
{
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Characters that show nothing, what looks like a space, or what stands elsewhere: C1 controls,
 * separators (Z), and Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which has the bidi
 * controls too. */
static bool deceives(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{ 0x80, 0xa0 },	      { 0xad, 0xad },	    { 0x34f, 0x34f },
		{ 0x61c, 0x61c },     { 0x115f, 0x1160 },   { 0x1680, 0x1680 },
		{ 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x2000, 0x200f },
		{ 0x2028, 0x202f },   { 0x205f, 0x206f },   { 0x2800, 0x2800 },
		{ 0x3000, 0x3000 },   { 0x3164, 0x3164 },   { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },
		{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; c >= 0x80 && i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	}
	return false;
}

void escape_text(struct buffer *to, struct bytes text)
{
	for (size_t i = 0, n; i < text.len; i += n) {
		const uint8_t *p = text.data + i;
		uint32_t c;

		n = utf8_length(p, text.len - i);
		if (n == 0) {
			buffer_print(to, "\\x%02x", *p);
			n = 1;
			continue;
		}
		c = code_point(p, n);
		if (c == '\\')
			buffer_text(to, "\\\\");
		else if (c == '\n')
			buffer_text(to, "\\n");
		else if (c == '\t')
			buffer_text(to, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buffer_print(to, "\\x%02x", c);
		else if (deceives(c))
			buffer_print(to, "\\u{%x}", c);
		else
			buffer_add(to, p, n);
	}
}

void escape_json_as(struct buffer *to, struct bytes text, bool foreign)
{
	for (size_t i = 0, n; i < text.len; i += n) {
		const uint8_t *p = text.data + i;

		n = utf8_length(p, text.len - i);
		if (n == 0 || (foreign && *p == '\\')) {
			buffer_print(to, "\\\\x%02x", *p);
			n = 1;
		} else if (*p == '"' || *p == '\\') {
			buffer_print(to, "\\%c", *p);
		} else if (*p < 0x20 || *p == 0x7f) {
			buffer_print(to, "\\u%04x", *p);
		} else {
			buffer_add(to, p, n);
		}
	}
}

bool escape_json(struct buffer *to, struct bytes text)
{
	bool foreign = !utf8_is_valid(text);

	escape_json_as(to, text, foreign);
	return foreign;
}
