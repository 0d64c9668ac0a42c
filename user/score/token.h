/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCORE_TOKEN_H
#define SCORE_TOKEN_H
/* The functions behind the feature table: record in, token text out; false when there is none. */
#include "record/record.h"
#include "score/label.h"

bool token_program(const struct record *record, uint64_t time, struct label *ret);
bool token_parent(const struct record *record, uint64_t time, struct label *ret);
bool token_credential(const struct record *record, uint64_t time, struct label *ret);
bool token_hour(const struct record *record, uint64_t time, struct label *ret);
bool token_shape(const struct record *record, uint64_t time, struct label *ret); /* shape.c */
bool token_path(const struct record *record, uint64_t time, struct label *ret);	 /* path.c */
bool token_destination(const struct record *record, uint64_t time,
		       struct label *ret);					   /* network.c */
bool token_network(const struct record *record, uint64_t time, struct label *ret); /* network.c */

/* EXEC: what was run or refused; otherwise who acts. */
struct bytes fact_program(const struct record *record);
/* OPEN and the like: the object, or what the caller called it when that is all there is. */
struct bytes fact_path(const struct record *record);
/* The last element of via; empty when there is none. */
struct bytes fact_parent(const struct record *record);
/* Say what must not be silently trusted. */
void label_add_doubts(struct label *text, const struct record *record);

/* A program's path, at most max characters; in /tmp and the like only its name: the directories
 * there are new each time. */
void label_add_program(struct label *label, struct bytes program, size_t max);
/* First three components of a path: digits become '#', the actor's own home '~'; without the name
 * of a file in a home, nor any name in /tmp and the like. */
void label_add_class(struct label *text, const struct record *record, struct bytes path);
bool path_is_writable(struct bytes path); /* /tmp, /var/tmp, /dev/shm */
bool path_has_prefix(struct bytes path, const char *prefix);

enum access { ACCESS_READ = 1, ACCESS_WRITE = 2 };
unsigned fact_access(const struct record *record);

#endif
