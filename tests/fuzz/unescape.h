/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_UNESCAPE_H
#define FUZZ_UNESCAPE_H
/*
 * The way back from what base/escape.h writes: who finds the original again has shown that no two
 * inputs look alike. Written from the RFCs, not from the code under test.
 */
#include <stdbool.h>

#include "base/buffer.h"
#include "fuzz.h"

/* Length of a character by the byte ranges of RFC 3629, section 4; 0 when it is none. */
static inline size_t rfc3629(const uint8_t *p, size_t len)
{
	static const uint8_t rows[][5] = {
		/* first from, to, second from, to, length */
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && len; i++) {
		const uint8_t *r = rows[i];

		if (p[0] < r[0] || p[0] > r[1])
			continue;
		if (r[4] > len || (r[4] > 1 && (p[1] < r[2] || p[1] > r[3])))
			return 0;
		for (size_t j = 2; j < r[4]; j++) {
			if (p[j] < 0x80 || p[j] > 0xbf)
				return 0;
		}
		return r[4];
	}
	return 0;
}

static inline bool is_rfc3629(const void *text, size_t len)
{
	const uint8_t *p = text;

	for (size_t i = 0, n; i < len; i += n) {
		n = rfc3629(p + i, len - i);
		if (!n)
			return false;
	}
	return true;
}

static inline void add_code_point(struct buffer *to, uint32_t c)
{
	uint8_t out[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	out[0] = (uint8_t)((n == 1 ? 0 : 0xf00u >> n) | c);
	buffer_add(to, out, n);
}

/* Exactly `digits` lower-case hexadecimal digits at p, or up to the first that is none. */
static inline uint32_t hex_number(const char *p, const char *end, size_t digits, size_t *ret_used)
{
	uint32_t v = 0;
	size_t i = 0;

	for (; i < digits && p + i < end; i++) {
		static const char known[] = "0123456789abcdef";
		const char *digit = p[i] ? strchr(known, p[i]) : NULL;

		if (!digit)
			break;
		v = v << 4 | (uint32_t)(digit - known);
	}
	*ret_used = i;
	return v;
}

/* Back from escape_text(). False when it is nothing that escape_text() writes. */
static inline bool unescape_text(struct buffer *to, const char *p, size_t len)
{
	const char *end = len ? p + len : p;
	uint32_t v;
	size_t used;

	while (p < end) {
		if ((uint8_t)*p < 0x20 || *p == 0x7f)
			return false;
		if (*p != '\\') {
			buffer_add(to, p++, 1);
			continue;
		}
		if (end - p < 2)
			return false;
		switch (p[1]) {
		case '\\':
			buffer_text(to, "\\");
			p += 2;
			break;
		case 'n':
			buffer_text(to, "\n");
			p += 2;
			break;
		case 't':
			buffer_text(to, "\t");
			p += 2;
			break;
		case 'x':
			v = hex_number(p + 2, end, 2, &used);
			if (used != 2)
				return false;
			buffer_add(to, &(uint8_t){ (uint8_t)v }, 1);
			p += 4;
			break;
		case 'u':
			if (end - p < 3 || p[2] != '{')
				return false;
			v = hex_number(p + 3, end, 6, &used);
			if (!used || p + 3 + used >= end || p[3 + used] != '}')
				return false;
			add_code_point(to, v);
			p += 4 + used;
			break;
		default:
			return false;
		}
	}
	return true;
}

/* The value of the inside of a JSON string (RFC 8259, section 7, without surrogate pairs). */
static inline bool json_value(struct buffer *to, const char *p, size_t len)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *end = len ? p + len : p, *letter;
	uint32_t v;
	size_t used;

	if (!is_rfc3629(p, len))
		return false;
	while (p < end) {
		if ((uint8_t)*p < 0x20 || *p == '"')
			return false;
		if (*p != '\\') {
			buffer_add(to, p++, 1);
			continue;
		}
		if (end - p < 2)
			return false;
		if (p[1] == 'u') {
			v = hex_number(p + 2, end, 4, &used);
			if (used != 4 || (v >= 0xd800 && v <= 0xdfff))
				return false;
			add_code_point(to, v);
			p += 6;
			continue;
		}
		letter = p[1] ? strchr(letters, p[1]) : NULL;
		if (!letter)
			return false;
		buffer_add(to, meanings + (letter - letters), 1);
		p += 2;
	}
	return true;
}

/* What a field that is listed as escaped means: \xNN is that byte, and nothing else has a \. */
static inline bool undo_hex(struct buffer *to, const char *p, size_t len)
{
	const char *end = len ? p + len : p;
	uint32_t v;
	size_t used;

	while (p < end) {
		if (*p != '\\') {
			buffer_add(to, p++, 1);
			continue;
		}
		if (end - p < 4 || p[1] != 'x')
			return false;
		v = hex_number(p + 2, end, 2, &used);
		if (used != 2 || (v < 0x80 && v != '\\'))
			return false;
		buffer_add(to, &(uint8_t){ (uint8_t)v }, 1);
		p += 4;
	}
	return true;
}

#endif
