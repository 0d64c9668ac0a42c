/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTPUT_PARSE_H
#define OUTPUT_PARSE_H
/* A strict reader of JSON (RFC 8259) that also refuses a name twice in one object. */
#include "../fuzz/unescape.h"
#include "base_test.h"
#include "output/output.h"

#define NAMES_MAX 128

static inline const char *skip_json(const char *p, const char *end, int depth);

/* Past the closing quote; NULL when there is no string at p. */
static inline const char *skip_string(const char *p, const char *end)
{
	struct buffer value = { 0 };
	const char *from = p + 1;
	bool good;

	if (p >= end || *p != '"')
		return NULL;
	for (p = from; p < end && *p != '"'; p++)
		p += *p == '\\';
	good = p < end && json_value(&value, from, (size_t)(p - from));
	buffer_free(&value);
	return good ? p + 1 : NULL;
}

static inline const char *skip_digits(const char *p, const char *end)
{
	const char *from = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > from ? p : NULL;
}

/* Whole numbers are all we write: no leading zeros, no fractions. */
static inline const char *skip_number(const char *p, const char *end)
{
	p += p < end && *p == '-';
	if (p < end && *p == '0')
		return p + 1;
	return skip_digits(p, end);
}

static inline const char *skip_array(const char *p, const char *end, int depth)
{
	if (++p < end && *p == ']')
		return p + 1;
	for (;;) {
		p = skip_json(p, end, depth + 1);
		if (!p || p >= end || (*p != ',' && *p != ']'))
			return NULL;
		if (*p++ == ']')
			return p;
	}
}

static inline const char *skip_object(const char *p, const char *end, int depth)
{
	struct bytes names[NAMES_MAX];
	size_t count = 0;

	if (++p < end && *p == '}')
		return p + 1;
	for (;;) {
		const char *name = p;

		p = skip_string(p, end);
		if (!p || p >= end || *p != ':' || count == NAMES_MAX)
			return NULL;
		names[count] = bytes_of(name, (size_t)(p - name));
		for (size_t i = 0; i < count; i++) {
			if (bytes_equal(names[i], names[count]))
				return NULL;
		}
		count++;
		p = skip_json(p + 1, end, depth + 1);
		if (!p || p >= end || (*p != ',' && *p != '}'))
			return NULL;
		if (*p++ == '}')
			return p;
	}
}

/* Past the value at p, which begins without a blank; NULL when there is none. */
static inline const char *skip_json(const char *p, const char *end, int depth)
{
	if (p >= end || depth > 8)
		return NULL;
	switch (*p) {
	case '{':
		return skip_object(p, end, depth);
	case '[':
		return skip_array(p, end, depth);
	case '"':
		return skip_string(p, end);
	default:
		return skip_number(p, end);
	}
}

/* One object, one newline, nothing else. */
static inline bool is_json_line(const char *line, size_t len)
{
	return len > 1 && line[0] == '{' && skip_json(line, line + len, 0) == line + len - 1 &&
	       line[len - 1] == '\n';
}

/* Value of a name in an object, or of a number ("2") in an array, as it stands; NULL for none. */
static inline struct bytes json_member(struct bytes in, const char *name)
{
	const char *p = (const char *)in.data + 1, *end = (const char *)in.data + in.len, *value;
	char quoted[64];
	int n = snprintf(quoted, sizeof(quoted), "\"%s\":", name);

	for (long i = 0; p < end && *p != '}' && *p != ']'; i++) {
		bool found = in.data[0] == '[' ? i == atol(name) : !strncmp(p, quoted, (size_t)n);

		value = in.data[0] == '[' ? p : skip_string(p, end) + 1;
		p = skip_json(value, end, 0);
		if (found)
			return bytes_of(value, (size_t)(p - value));
		p += *p == ',';
	}
	return bytes_of(NULL, 0);
}

/* "actor.via.0" below an object. */
static inline struct bytes json_get(struct bytes in, const char *path)
{
	char part[64];

	while (*path && in.data) {
		size_t n = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		in = json_member(in, part);
		path += n + (path[n] == '.');
	}
	return in;
}

#endif
