/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRIBUTE_USERS_H
#define ATTRIBUTE_USERS_H
/*
 * Names of uids from a passwd file, read as a file: no name service in a privileged process.
 * A name that was used, or that changed after it was used, is queued so that the chain can bind
 * it: an old chain then reads as things were.
 */
#include <stdbool.h>

#include "attribute/text.h"

struct users;

/* path is the passwd file; it may be missing (then nobody has a name). -ENOMEM. */
int users_open(struct users **ret, const char *path);
void users_close(struct users *users);

/* Read the file again if it changed. 0 or -errno (the names stay as they were). */
int users_refresh(struct users *users);

/* Another number whenever the names may have changed. */
unsigned int users_generation(const struct users *users);

/* The name of a uid, NULL if it has none; belongs to users until the next refresh. Queues it. */
struct text *users_name(struct users *users, uint32_t uid);

/* True when the account can log in: its shell is not nologin or false. */
bool users_can_log_in(const struct users *users, uint32_t uid);

/* Next binding to write down: true with uid and name (empty: the uid has no name any more). */
bool users_next_binding(struct users *users, uint32_t *ret_uid, struct bytes *ret_name);

#endif
