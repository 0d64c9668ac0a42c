// SPDX-License-Identifier: Apache-2.0
#include "score/label.h"

#include "base/hash.h"

#define MARK 10 /* ~, eight hex digits, ~ */

void label_add(struct label *label, const char *word)
{
	while (*word && label->len < LABEL_MAX)
		label->data[label->len++] = *word++;
}

void label_add_number(struct label *label, uint64_t number)
{
	char digits[21] = { 0 };
	char *p = digits + 20;

	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	label_add(label, p);
}

static int is_plain(struct bytes from)
{
	for (size_t i = 0; i < from.len; i++)
		if (from.data[i] < ' ' || from.data[i] > '~')
			return 0;
	return 1;
}

static void add_cleaned(struct label *label, const uint8_t *from, size_t len)
{
	for (; len && label->len < LABEL_MAX; from++, len--)
		label->data[label->len++] = *from < ' ' || *from > '~' ? '?' : (char)*from;
}

static void add_mark(struct label *label, struct bytes from)
{
	static const uint8_t no_key[16];
	uint64_t hash = siphash(no_key, from.data, from.len);

	label_add(label, "~");
	for (int shift = 28; shift >= 0; shift -= 4)
		label_add(label, (char[2]){ "0123456789abcdef"[hash >> shift & 15] });
	label_add(label, "~");
}

void label_add_bytes(struct label *label, struct bytes from, size_t max)
{
	size_t room = LABEL_MAX - label->len;
	size_t keep, head;

	if (!from.len)
		return;
	if (max > room)
		max = room;
	if (from.len <= max && is_plain(from)) {
		memcpy(label->data + label->len, from.data, from.len);
		label->len = (uint8_t)(label->len + from.len);
		return;
	}
	keep = max > MARK ? max - MARK : 0;
	if (keep > from.len)
		keep = from.len;
	head = keep / 3; /* the end of a path says more than its beginning */
	add_cleaned(label, from.data, head);
	add_mark(label, from);
	add_cleaned(label, from.data + from.len - (keep - head), keep - head);
}

struct bytes path_base(struct bytes path)
{
	size_t at = path.len;

	if (!at)
		return path;
	while (at && path.data[at - 1] != '/')
		at--;
	return bytes_of(path.data + at, path.len - at);
}
