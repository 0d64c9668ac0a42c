/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H
/* Hostile bytes made safe to print. */
#include "base/buffer.h"

/*
 * Length of the UTF-8 sequence at p (RFC 3629: shortest form, no surrogates, at most U+10FFFF), or
 * 0 when there is none.
 */
size_t utf8_length(const uint8_t *p, size_t len);

/* True when all of it is UTF-8. */
bool utf8_is_valid(struct bytes text);

/*
 * For a terminal or a log line: control characters, bytes that are not UTF-8 and characters that
 * show nothing, look like a space or turn the writing direction become \n, \t, \xNN or \u{N}; a
 * backslash becomes \\. One line, whatever goes in, and no two inputs become the same.
 */
void escape_text(struct buffer *to, struct bytes text);

/*
 * The inside of a JSON string (RFC 8259). Bytes that are not UTF-8 cannot stand in JSON: they
 * become the text \xNN, and then a backslash becomes \x5c. True when that was needed: a reader
 * must be told, or "\xff" may be four characters or one byte.
 */
bool escape_json(struct buffer *to, struct bytes text);

/* The same for one of several strings that share a mark: foreign when any of them is not UTF-8. */
void escape_json_as(struct buffer *to, struct bytes text, bool foreign);

#endif
