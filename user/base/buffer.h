/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H
/* Text that grows. Out of memory is remembered in `failed`, so that only the end checks. */
#include <stdbool.h>

#include "base/bytes.h"

struct buffer {
	char *data; /* NUL-terminated once anything was added */
	size_t len, room;
	bool failed;
};

void buffer_add(struct buffer *buffer, const void *data, size_t len);
void buffer_text(struct buffer *buffer, const char *text);
__attribute__((format(printf, 2, 3))) void buffer_print(struct buffer *buffer, const char *format,
							...);
void buffer_clear(struct buffer *buffer); /* keeps the memory */
void buffer_free(struct buffer *buffer);

#endif
