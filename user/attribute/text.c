// SPDX-License-Identifier: Apache-2.0
#include "attribute/text.h"

#include <stdlib.h>

struct text {
	uint32_t holders, len;
	uint8_t data[];
};

struct text *text_make(struct bytes from)
{
	struct text *t;

	if (from.len == 0 || from.len > UINT32_MAX)
		return NULL;
	t = malloc(sizeof(*t) + from.len);
	if (!t)
		return NULL;
	t->holders = 1;
	t->len = (uint32_t)from.len;
	memcpy(t->data, from.data, from.len);
	return t;
}

struct text *text_share(struct text *t)
{
	if (t)
		t->holders++;
	return t;
}

void text_drop(struct text *t)
{
	if (t && --t->holders == 0)
		free(t);
}

struct bytes text_bytes(const struct text *t)
{
	return t ? bytes_of(t->data, t->len) : bytes_of(NULL, 0);
}
