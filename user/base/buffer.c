// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool make_room(struct buffer *b, size_t more)
{
	size_t room = b->room ? b->room : 256;
	char *grown;

	if (b->failed)
		return false;
	while (room - b->len <= more)
		room *= 2;
	if (room == b->room)
		return true;
	grown = realloc(b->data, room);
	if (!grown) {
		b->failed = true;
		return false;
	}
	b->data = grown;
	b->room = room;
	return true;
}

void buffer_add(struct buffer *b, const void *data, size_t len)
{
	if (!make_room(b, len + 1))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
}

void buffer_text(struct buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

void buffer_print(struct buffer *b, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n >= 0 && make_room(b, (size_t)n + 1)) {
		vsnprintf(b->data + b->len, b->room - b->len, format, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buffer_clear(struct buffer *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = 0;
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
