/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRIBUTE_TEXT_H
#define ATTRIBUTE_TEXT_H
/* Immutable bytes shared by many processes: a fork copies a pointer, not a path. NULL is empty. */
#include "base/bytes.h"

struct text;

/* A new text, or NULL when from is empty or memory is out (the field then stays empty). */
struct text *text_make(struct bytes from);

/* One more holder; the same pointer back. */
struct text *text_share(struct text *text);

/* One holder less; freed with the last. NULL is accepted. */
void text_drop(struct text *text);

struct bytes text_bytes(const struct text *text);

#endif
